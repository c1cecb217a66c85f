/** Why a task does not run, or where it runs, or how it ended: by the API's codes, in words. */
import { texts } from "../../text/language";

/** What the API says with a code; the values are of tasks and their owners, so of any kind. */
export type Data = Readonly<Record<string, unknown>>;

/** How values are said in the page's language. */
export interface Say {
  readonly text: (value: unknown) => string;
  readonly time: (value: unknown) => string;
  readonly lasts: (seconds: unknown) => string;
  readonly count: (value: unknown) => string;
  /** `exception` and the like. */
  readonly reason: (value: unknown) => string;
  /** `: ValueError: no such file`, or nothing. */
  readonly error: (data: Data) => string;
}

export interface Sentence {
  readonly sentence: string;
  readonly cure: string;
}

export interface FullLimit {
  readonly kind: string;
  readonly name: string;
  readonly used: number;
  readonly allowed: number;
  readonly rate: string | null;
  readonly free_in_seconds: number | null;
}

interface ReasonWords {
  /** By code. */
  readonly codes: Readonly<Record<string, (data: Data, say: Say) => Sentence>>;
  readonly limit: (limit: FullLimit, say: Say) => string;
  /** Why a task or an attempt ended so, by the API's name of it. */
  readonly ended: Readonly<Record<string, string>>;
}

const ENDED_EN: Readonly<Record<string, string>> = {
  succeeded: "It succeeded",
  failed: "It failed",
  revoked: "It was revoked",
};
const ENDED_ZH: Readonly<Record<string, string>> = {
  succeeded: "成功",
  failed: "失败",
  revoked: "被撤销",
};
const KINDS_ZH: Readonly<Record<string, string>> = { queue: "队列", task: "函数", key: "限额键" };

const en: ReasonWords = {
  codes: {
    expired: (data, say) => ({
      sentence: `It was not to start after ${say.time(data.expires_at)}, and is about to be revoked.`,
      cure: "Run it again once it is revoked.",
    }),
    waits_for_tasks: (data, say) => ({
      sentence: `It waits for tasks that have not finished: ${say.count(data.total)}.`,
      cure: "They have to finish first. What holds one of them up, its own page says.",
    }),
    waits_for_retry: (data, say) => ({
      sentence:
        `It waits until ${say.time(data.until)} for its next attempt. Attempt ` +
        `${say.count(data.attempt)} ended: ${say.reason(data.reason)}${say.error(data)}`,
      cure: "Wait until then, or give it an earlier time with “Edit”.",
    }),
    scheduled: (data, say) => ({
      sentence: `It is scheduled for ${say.time(data.until)}.`,
      cure: "Wait until then, or give it another time with “Edit”.",
    }),
    queue_paused: (data, say) => ({
      sentence:
        `The queue ${say.text(data.queue)} is paused since ${say.time(data.paused_at)}, ` +
        `by ${say.text(data.paused_by)}.`,
      cure: "An operator resumes the queue.",
    }),
    limit_reached: () => ({
      sentence: "It waits for a place under a limit:",
      cure: "Wait until a place is free; an operator can change or lift the limit.",
    }),
    broker_unreachable: () => ({
      sentence: "The broker does not answer, so nothing can be handed out to workers.",
      cure: "Start the broker, or correct its address (taskctl doctor says more). Tasks go out by themselves when it is back.",
    }),
    queue_not_served: (data, say) => ({
      sentence: list(data.served)
        ? `No live worker serves the queue ${say.text(data.queue)}; those that live serve ${list(data.served)}.`
        : `No live worker serves the queue ${say.text(data.queue)}; no worker is alive at all.`,
      cure: `Start a worker without --queues, or with this queue: python -m scripts.celery_worker --queues ${say.text(data.queue)}`,
    }),
    function_unknown: (data, say) => ({
      sentence: `No live worker of the queue has the function ${say.text(data.celery_task_name)}: ${workers(data)}.`,
      cure: "Give the workers the code and start them again. A task whose function nobody has fails after some seconds.",
    }),
    slots_busy: (data, say) => ({
      sentence: `Every slot of the workers that can run it is taken: ${say.count(data.busy)} of ${say.count(data.slots)}.`,
      cure: "Wait until one is free, or add slots: start another worker, or raise CELERY_WORKER_CONCURRENCY.",
    }),
    tasks_ahead: (data, say) => ({
      sentence:
        `Tasks ahead of it in the queue ${say.text(data.queue)}: ${say.count(data.ahead)}` +
        `${data.more ? " or more" : ""}` +
        `${data.estimate_seconds ? `; at their usual pace that is at least ${say.lasts(data.estimate_seconds)}` : ""}.`,
      cure: "Wait for its turn, add workers, or give it a higher priority with “Edit”.",
    }),
    handed_out: (data, say) => ({
      sentence: `It was handed out at ${say.time(data.dispatched_at)}; the next free slot takes it.`,
      cure: "Wait a moment. Should it stay like this although slots are free, taskctl doctor says why.",
    }),
    ready: () => ({
      sentence: "Nothing holds it up: it is handed out within a second or two.",
      cure: "Should it stay like this, taskctl doctor says why.",
    }),
    running: (data, say) => ({
      sentence: `It is running on ${say.text(data.worker)} since ${say.time(data.started_at)}, attempt ${say.count(data.attempt)}.`,
      cure: "Nothing holds it up.",
    }),
    cancel_requested: (data, say) => ({
      sentence: `It was told to stop at ${say.time(data.requested_at)}: ${say.reason(data.reason)}.`,
      cure: `It is ended by force from ${say.time(data.force_at)} on, where its worker can. That cannot be taken back.`,
    }),
    worker_silent: (data, say) => ({
      sentence: `Its worker ${say.text(data.worker)} has not been heard of; its lease was over at ${say.time(data.lease_until)}.`,
      cure: "An agent gives the task back or fails it within a minute. See that a worker is alive.",
    }),
    finished: (data, say) => ({
      sentence:
        `${ENDED_EN[String(data.status)] ?? "It ended"} ` +
        `at ${say.time(data.completed_at)}${data.reason ? `: ${say.reason(data.reason)}` : ""}${say.error(data)}`,
      cure: "“Run again” makes a new task of it.",
    }),
  },
  limit: (limit, say) => {
    const whose = `The ${limit.kind} ${limit.name}`;
    if (limit.rate === null) {
      return `${whose} lets ${say.count(limit.allowed)} run at a time, and ${say.count(limit.used)} run or are handed out`;
    }
    const soon = limit.free_in_seconds ? `; the next in ${say.lasts(limit.free_in_seconds)}` : "";
    return `${whose} lets out ${limit.rate}, and ${say.count(limit.used)} were${soon}`;
  },
  ended: {
    cancelled: "cancelled",
    flower: "revoked in Flower",
    expired: "not started in time",
    exception: "an exception",
    timeout: "its time limit was over",
    worker_lost: "its worker died",
    not_registered: "no worker has the function",
    result_too_large: "its result is too large",
    result_not_json: "its result is not JSON",
    interrupted: "interrupted, by no fault of its own",
    quarantined: "kept from running after three crashes",
    memory_limit: "its memory limit was exceeded",
    rejected: "rejected by the task itself",
    retry: "asked to run again later",
    deleted: "deleted",
    replaced: "replaced by a newer task with its unique key",
    reported: "reported by what executes it",
    dependency_failed: "a task it depends on failed",
    dependency_revoked: "a task it depends on was revoked",
  },
};

const zh: ReasonWords = {
  codes: {
    expired: (data, say) => ({
      sentence: `它必须在 ${say.time(data.expires_at)} 之前开始，现已过期，即将被撤销。`,
      cure: "撤销后可以再次运行。",
    }),
    waits_for_tasks: (data, say) => ({
      sentence: `它在等待 ${say.count(data.total)} 个尚未结束的任务。`,
      cure: "这些任务必须先结束；是什么卡住了其中某个任务，见该任务的页面。",
    }),
    waits_for_retry: (data, say) => ({
      sentence:
        `第 ${say.count(data.attempt)} 次尝试已结束（${say.reason(data.reason)}），` +
        `等到 ${say.time(data.until)} 再进行下一次尝试${say.error(data)}`,
      cure: "等到那时，或用“编辑”改成更早的时间。",
    }),
    scheduled: (data, say) => ({
      sentence: `它定于 ${say.time(data.until)} 运行。`,
      cure: "等到那时，或用“编辑”改成别的时间。",
    }),
    queue_paused: (data, say) => ({
      sentence: `队列 ${say.text(data.queue)} 自 ${say.time(data.paused_at)} 起被 ${say.text(data.paused_by)} 暂停。`,
      cure: "需要运维人员恢复该队列。",
    }),
    limit_reached: () => ({
      sentence: "它在等待限额空出位置：",
      cure: "等位置空出来；运维人员可以修改或取消该限额。",
    }),
    broker_unreachable: () => ({
      sentence: "消息代理没有应答，任务无法发放给 worker。",
      cure: "启动消息代理，或更正它的地址（taskctl doctor 会给出详情）。恢复后任务会自动发出。",
    }),
    queue_not_served: (data, say) => ({
      sentence: list(data.served)
        ? `没有存活的 worker 处理队列 ${say.text(data.queue)}；存活的 worker 处理的队列是 ${list(data.served)}。`
        : `没有存活的 worker 处理队列 ${say.text(data.queue)}；当前没有任何存活的 worker。`,
      cure: `启动一个不带 --queues 或包含该队列的 worker：python -m scripts.celery_worker --queues ${say.text(data.queue)}`,
    }),
    function_unknown: (data, say) => ({
      sentence: `处理该队列的存活 worker 都没有函数 ${say.text(data.celery_task_name)}：${workers(data)}。`,
      cure: "把代码部署到这些 worker 并重启。若没有任何 worker 拥有该函数，任务会在数秒后失败。",
    }),
    slots_busy: (data, say) => ({
      sentence: `能运行它的 worker 的执行位已全部占用：${say.count(data.busy)} / ${say.count(data.slots)}。`,
      cure: "等待空闲执行位，或增加执行位：再启动一个 worker，或调大 CELERY_WORKER_CONCURRENCY。",
    }),
    tasks_ahead: (data, say) => ({
      sentence:
        `在队列 ${say.text(data.queue)} 中，它前面还有 ${say.count(data.ahead)} ` +
        `个${data.more ? "以上的" : ""}任务` +
        `${data.estimate_seconds ? `；按平常的速度至少需要 ${say.lasts(data.estimate_seconds)}` : ""}。`,
      cure: "等待轮到它、增加 worker，或用“编辑”提高优先级。",
    }),
    handed_out: (data, say) => ({
      sentence: `它已于 ${say.time(data.dispatched_at)} 发放，下一个空闲执行位会接手。`,
      cure: "请稍候。如果有空闲执行位却一直如此，taskctl doctor 会说明原因。",
    }),
    ready: () => ({
      sentence: "没有任何阻碍：一两秒内就会发放。",
      cure: "如果一直如此，taskctl doctor 会说明原因。",
    }),
    running: (data, say) => ({
      sentence: `它自 ${say.time(data.started_at)} 起在 ${say.text(data.worker)} 上运行，第 ${say.count(data.attempt)} 次尝试。`,
      cure: "没有任何阻碍。",
    }),
    cancel_requested: (data, say) => ({
      sentence: `已于 ${say.time(data.requested_at)} 通知它停止：${say.reason(data.reason)}。`,
      cure: `从 ${say.time(data.force_at)} 起，只要 worker 能做到，就会强制结束。这无法撤回。`,
    }),
    worker_silent: (data, say) => ({
      sentence: `它的 worker ${say.text(data.worker)} 失去联系，租约已于 ${say.time(data.lease_until)} 到期。`,
      cure: "一分钟内会有另一个 worker 把任务放回队列或判为失败。请确认有 worker 存活。",
    }),
    finished: (data, say) => ({
      sentence:
        `它于 ${say.time(data.completed_at)} ` +
        `${ENDED_ZH[String(data.status)] ?? "结束"}` +
        `${data.reason ? `：${say.reason(data.reason)}` : ""}${say.error(data)}`,
      cure: "“再次运行”会据此新建一个任务。",
    }),
  },
  limit: (limit, say) => {
    const kind = KINDS_ZH[limit.kind] ?? limit.kind;
    const whose = `${kind} ${limit.name}`;
    if (limit.rate === null) {
      return `${whose} 最多同时运行 ${say.count(limit.allowed)} 个，已运行或已发放 ${say.count(limit.used)} 个`;
    }
    const soon = limit.free_in_seconds ? `，下一个在 ${say.lasts(limit.free_in_seconds)} 后` : "";
    return `${whose} 的速率上限为 ${limit.rate}，已发出 ${say.count(limit.used)} 个${soon}`;
  },
  ended: {
    cancelled: "已取消",
    flower: "在 Flower 中撤销",
    expired: "未能按时开始",
    exception: "抛出异常",
    timeout: "超出时间限制",
    worker_lost: "worker 意外退出",
    not_registered: "没有 worker 拥有该函数",
    result_too_large: "结果过大",
    result_not_json: "结果不是 JSON",
    interrupted: "被中断，并非任务自身的问题",
    quarantined: "崩溃三次后被隔离",
    memory_limit: "超出内存限制",
    rejected: "被任务自身拒绝",
    retry: "要求稍后再次运行",
    deleted: "已删除",
    replaced: "被具有相同唯一键的新任务取代",
    reported: "由其执行方报告",
    dependency_failed: "所依赖的任务失败",
    dependency_revoked: "所依赖的任务被撤销",
  },
};

export const reasonWords = texts({ en, zh });

function list(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(", ") : "";
}

function workers(data: Data): string {
  if (!Array.isArray(data.workers)) return "–";
  return data.workers
    .map((each: { name?: unknown; version?: unknown }) => `${each.name} (${each.version})`)
    .join(", ");
}
