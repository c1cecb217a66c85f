"""What the API's description says of parameters, fields, objects and answers, in Chinese.

By the English text, in one line, so that a text that has changed is noticed. A new one needs a line
here; then `make docs`. What operations do is in `operations_text.py`.
"""

from __future__ import annotations

CHINESE = {
    # Answers.
    "No token, or one that is unknown, revoked or over": "没有令牌，或它未知、已吊销、已过期",
    "The token lacks the scope, or its owner's role does not allow this": "令牌缺少权限范围，或其所有者的角色不允许",
    "There is no such thing, or it is somebody else's": "没有这个东西，或者它是别人的",
    "The present state does not allow this": "当前状态不允许",
    "`If-Match` names another version than the present one": "`If-Match` 写的不是当前版本",
    "The body is larger than 1 MiB": "请求体超过 1 MiB",
    "Larger than 32 MiB": "超过 32 MiB",
    "The body is not sent as application/json": "请求体不是以 application/json 发送的",
    "A parameter or the body is refused; `errors` says which and why": (
        "某个参数或请求体被拒绝；`errors` 说明是哪个、为什么"
    ),
    "Too many requests, or guesses; `Retry-After` says when to come back": (
        "请求太多，或猜测太多；`Retry-After` 说明何时再来"
    ),
    "The database does not answer; `Retry-After` says when to come back": (
        "数据库没有应答；`Retry-After` 说明何时再来"
    ),
    "A running attempt was told to stop": "已要求正在运行的尝试停止",
    "Told to stop; gone when it has": "已要求停止，停下之后消失",
    "It cannot do its work now": "此刻无法工作",
    "It is done; or, with `dry_run`, what it would be about": "已经做完；用 `dry_run` 时，是会涉及什么",
    "More than 1,000 tasks: it goes on, and can be looked at and aborted": (
        "超过 1,000 个任务：它会继续，可以查看和中止"
    ),
    "The tasks that an earlier request with this Idempotency-Key made": (
        "先前带有这个 Idempotency-Key 的请求创建的任务"
    ),
    (
        "The task that an earlier request with this Idempotency-Key made, or, with `unique_mode` "
        "`existing`, the unfinished one that has this `unique_key`"
    ): (
        "先前带有这个 Idempotency-Key 的请求创建的任务；"
        "或者 `unique_mode` 为 `existing` 时，带有这个 `unique_key` 的未结束任务"
    ),
    # Parameters.
    "Repeat a request safely: for 24 h the same key gives the same answer.": (
        "让请求可以放心重发：24 小时之内，同样的键得到同样的应答。"
    ),
    "The `version` the change is meant for; 412 if it is another.": (
        "修改所针对的 `version`；当前版本不是它时，应答 412。"
    ),
    "A view token, instead of the header.": "查看凭证，代替请求头里的令牌。",
    (
        "What a browser sends when it connects again. The answer begins with the present state in "
        "any case, so nothing that changed in between is missed."
    ): "浏览器重新连接时会发送它。应答总是从当前状态开始，所以期间的变化一个也不会漏掉。",
    "May be repeated.": "可以重复。",
    "1 to 4.": "1 到 4。",
    "Part of the name.": "名称的一部分。",
    "From this time on.": "从这个时间起。",
    "Before this time.": "在这个时间之前。",
    "From the Link header of a page.": "取自某一页的 Link 响应头。",
    "An `attempt`.": "某次尝试的 `attempt`。",
    "Id of a line.": "某一行的编号。",
    "Default: 24 buckets before `to`.": "默认：`to` 之前的 24 个时间单位。",
    "Default: now.": "默认：现在。",
    "Hours are kept 35 days.": "按小时的统计保留 35 天。",
    "At most so many groups; the rest is put together as `(other)`.": "最多这么多组；其余的合为一组 `(other)`。",
    "Of the error.": "错误的类型。",
    "Part of the type or the message.": "类型或消息的一部分。",
    "What it counts.": "限制针对什么。",
    (
        "Of the queue, the function or the key. For a key, one that ends in `*` limits each key that "
        "begins so by itself."
    ): "队列、函数或键的名称。对于键，以 `*` 结尾的名称限制以此开头的每个键，各自计算。",
    "Needs `users:write`.": "需要 `users:write`。",
    "An id or an email.": "编号或邮箱。",
    "`failed` (400 and above), `open` (no end is known), or a status.": (
        "`failed`（400 及以上）、`open`（不知道结果），或一个状态码。"
    ),
    "A value of `target`, such as a task's id.": "`target` 里的一个值，例如任务的编号。",
    # Tasks.
    "A task. Sensitive arguments are `***` to everybody, its owner included.": (
        "一个任务。敏感参数对任何人都显示为 `***`，包括任务的所有者。"
    ),
    "Why it ended, or why its last attempt ended, so.": "它为什么这样结束，或上一次尝试为什么这样结束。",
    "Id of the Celery message of the current or next attempt; new at every publish.": (
        "当前或下一次尝试的 Celery 消息的编号；每次发布都换新的。"
    ),
    "Starts so far; 0 before the first.": "至今的启动次数；第一次启动之前为 0。",
    "What counts against `max_attempts`.": "计入 `max_attempts` 的次数。",
    "Null without any.": "没有子任务时为 null。",
    "What has become of a task's subtasks, as of a second ago or two; exact once they rest.": (
        "任务的子任务进行得怎样，落后一两秒；不再有变化时是准确的。"
    ),
    "The mean of their progress, percent; one that has ended counts as 100.": (
        "它们进度的平均值（百分比）；已经结束的算作 100。"
    ),
    (
        "The five public statuses, each with what can go wrong in it and who repairs it. `pending`: it "
        "waits in the database. Its hint in the broker may be lost: resend publishes anew. `running`: a "
        "worker holds it under a lease. The worker may die: its agent settles the row, and if the whole "
        "machine is gone, rescue does once the lease is over. An executor outside Celery holds it in the "
        "same way, and rescue alone settles for that. `succeeded`: final. `failed`: final; `error` and "
        "`reason` say why. `revoked`: final; no code of the task is running any more."
    ): (
        "对外的五种状态，以及各自可能出什么问题、由谁修复。`pending`：在数据库里等待；它在代理里的提示可能丢失，resend 会重新发布。"
        "`running`：一个 worker 凭租约持有它；worker 可能死掉，由它的 agent 结算这一行；若整台机器都没了，"
        "则在租约到期后由 rescue 结算；Celery 之外的执行者同样凭租约持有它，只由 rescue 结算。"
        "`succeeded`：最终状态。`failed`：最终状态；`error` 和 `reason` 说明原因。"
        "`revoked`：最终状态；任务的代码不再运行。"
    ),
    "How many tasks match, by status; always adds up.": "符合条件的任务数，按状态统计；总和一定吻合。",
    "Why the last attempt failed.": "最近一次尝试失败的原因。",
    "What went wrong, as an executor outside Celery reports it.": "出了什么错，由 Celery 之外的执行者报告。",
    "A task to run. Arguments are checked against the function's signature.": "要运行的任务。参数按函数的签名检查。",
    "For people.": "给人看的名称。",
    "Groups tasks; any text.": "用来给任务分组的任意文本。",
    "One of /api/v1/task-types.": "/api/v1/task-types 列出的函数之一。",
    "1 LOW, 2 NORMAL, 3 HIGH, 4 CRITICAL.": "1 LOW、2 NORMAL、3 HIGH、4 CRITICAL。",
    "Default: the function's own.": "默认：函数自己的队列。",
    "Not before this time.": "不早于这个时间启动。",
    "Not before this many seconds from now; instead of `scheduled_at`.": (
        "从现在起至少过这么多秒才启动；代替 `scheduled_at`。"
    ),
    "Revoked with reason `expired` if not started by then.": "到这时还没有启动的会被撤销，原因是 `expired`。",
    "Seconds until it is stopped by force.": "运行多少秒之后强制停止。",
    "Seconds until SoftTimeLimitExceeded is raised in it.": "运行多少秒之后在其中抛出 SoftTimeLimitExceeded。",
    "Tasks that have to finish first.": "必须先结束的任务。",
    "Tasks that have to finish first: ids or local names.": "必须先结束的任务：编号，或请求之内的名字。",
    (
        "What becomes of it when one of those fails or is revoked: it ends too, with reason "
        "`dependency_failed` or `dependency_revoked`, or it runs all the same."
    ): (
        "所依赖的任务之一失败或被撤销时怎样，依次为：随之结束，原因是 `dependency_failed` 或 `dependency_revoked`；照样运行。"
    ),
    "Your own key, such as an order number.": "您自己的键，例如订单号。",
    "At most one unfinished task of its owner has it.": "同一所有者的未结束任务中，最多只有一个带有它。",
    (
        "When an unfinished task has the key: 409 `unique_key_taken`, which names it; it is the "
        "answer, with 200; or it is revoked with reason `replaced`, if it still waits."
    ): (
        "已有未结束的任务带有这个键时，依次为：应答 409 `unique_key_taken`，并指出那个任务；以那个任务作为应答，状态码 200；"
        "那个任务若还在等待，就以原因 `replaced` 撤销它。"
    ),
    "What limits of kind `key` count it under, such as a customer.": (
        "针对 `key` 的限制把它计在这个键之下，例如某位客户。"
    ),
    "A task of many. It may refer to others of the same request by their `local_id`.": (
        "许多任务中的一个。可以用 `local_id` 指名同一请求里的其他任务。"
    ),
    "A name for `depends_on` and `parent_id` of others; it is not kept.": (
        "供其他任务在 `depends_on` 和 `parent_id` 里指名的名字；不保存。"
    ),
    "Tasks to create, all of them or none.": "要创建的任务，要么全部，要么一个也没有。",
    "The ids of the new tasks, in the order of the request.": "新任务的编号，顺序与请求相同。",
    (
        "A change. Owners change `name`, `tags`, and while the task is pending `priority` and "
        "`scheduled_at`, or set `status` to `revoked`, which cancels. Executors outside Celery "
        "(scope `tasks:report`) claim with `status: running`, and then report with the `attempt` "
        "they hold."
    ): (
        "一次修改。"
        "所有者可以改 `name` 和 `tags`，任务等待时还可以改 `priority` 和 `scheduled_at`，或者把 `status` 设为 `revoked`，即取消。"
        "Celery 之外的执行者（权限范围 `tasks:report`）用 `status: running` 认领，之后凭所持有的 `attempt` 报告。"
        ""
    ),
    "How long the claim lasts without another PATCH; default 300.": "没有下一个 PATCH 时，认领保持多少秒；默认 300。",
    "New arguments for the new task; what is left out stays as it was.": "新任务的新参数；没有写的保持原样。",
    "What became of a request to cancel.": "取消请求的结果。",
    "What became of a request to delete.": "删除请求的结果。",
    "One start of a task.": "任务的一次启动。",
    "`running`, or how it ended.": "`running`，或者它怎样结束。",
    "Somebody asked for a stop.": "有人要求停止的时间。",
    "The attempt has learned of it. One that could not listen never does.": (
        "这次尝试得知停止要求的时间；无法接收要求的尝试始终没有这个时间。"
    ),
    "From here on no code of it ran.": "从这时起，它的代码不再运行。",
    "It asked and stopped; an exception was raised in it; its process was ended.": (
        "依次为：它询问之后自己停下；其中抛出了异常；它的进程被结束。"
    ),
    "When it kept the checkpoint that the task has; null if another one did.": (
        "它保存任务现有检查点的时间；由另一次尝试保存时为 null。"
    ),
    "What a task keeps for its next attempt.": "任务为下一次尝试保存的内容。",
    "The attempt that has kept it.": "保存它的那次尝试。",
    "A line that an attempt logged.": "某次尝试记录的一行日志。",
    "Why a task is not running now, or where it runs, or how it ended.": (
        "任务此刻为什么没有运行，或者在哪里运行，或者怎样结束。"
    ),
    "All that hold, in the order in which they have to go; at least one.": (
        "成立的所有原因，按必须消除的顺序排列；至少有一个。"
    ),
    "One reason why a task is not running.": "任务没有运行的一个原因。",
    "Stable; see the API guide for all of them.": "固定不变；全部代码见 [API](api.md#原因)。",
    "For people, in English.": "给人看的一句话，用英文。",
    "What takes the reason away.": "怎样消除这个原因。",
    "What the sentence says, to say it in other words.": "那句话所说的内容，供换一种说法或语言来表达。",
    "Tasks that dependencies connect, and how.": "由依赖连接起来的任务，以及怎样连接。",
    "There is more: the nearest 1,000 tasks are shown.": "还有更多：只给出离所查任务最近的 1,000 个。",
    "`task_id` waits for `needs_id`.": "`task_id` 等待 `needs_id`。",
    "A task in a graph.": "依赖图里的一个任务。",
    "A read-only grant for one task; nothing else may stand as a token in a query.": (
        "单个任务的只读凭证；只有它可以代替令牌写在查询参数里。"
    ),
    "Seconds.": "有效的秒数。",
    "The task's event stream with the token in it.": "这个任务的事件流的地址，带有凭证。",
    # Bulk operations.
    "What is done to each task.": "对每个任务做什么。",
    "Which tasks: the filters of the list, all of which have to hold.": "哪些任务：列表的过滤条件，必须全部满足。",
    "What came of it for one task.": "批量操作对其中一个任务的结果。",
    "Null: it has not had its turn.": "null 表示还没有轮到它。",
    "The new task of one that was retried.": "再次运行时产生的新任务。",
    "Why nothing was done to it.": "为什么没有对它做什么。",
    "An order about many tasks, which were chosen when it was given, and how far it has come.": (
        "对许多任务的一道命令，以及进行到了哪里；涉及哪些任务，在下达时就已确定。"
    ),
    "As it was given; null where ids were.": "下达时给出的过滤条件；给出的是编号时为 null。",
    "Who has given the order.": "下达命令的用户。",
    "How many tasks it is about.": "涉及多少个任务。",
    "How many of them have had their turn.": "其中有多少个已经处理。",
    "How many of those had each outcome.": "已经处理的任务里，每种结果各有多少个。",
    "Which tasks: `ids`, or `filter`. With `dry_run` nothing is done.": (
        "哪些任务：`ids` 或 `filter`。用 `dry_run` 时什么也不做。"
    ),
    "Only count the tasks, and show some of them.": "只统计任务数，并给出其中几个。",
    "What a bulk operation would be about.": "批量操作会涉及什么。",
    "Tasks that there are; ids of unknown ones do not count.": "确实存在的任务数；未知的编号不计。",
    "The newest of them, at most 10.": "其中最新的，最多 10 个。",
    (
        "How a bulk operation stands. `running`: tasks are left. Whoever works on it may die: the next "
        "batch is another agent's. `finished`: every task has its outcome. `aborted`: somebody has "
        "stopped it; the tasks that were left have none."
    ): (
        "批量操作处于什么状态。`running`：还有任务没有处理；正在处理的 agent 可能死掉，下一批就由另一个来做。"
        "`finished`：每个任务都有了结果。`aborted`：有人中止了它；剩下的任务没有结果。"
    ),
    # Statistics.
    "The unit of time, in UTC.": "时间单位，按 UTC 划分。",
    "What lines are made of.": "按什么分组。",
    "Durations, in seconds. A percentile is right to a sixteenth of itself, or to 0.5 ms.": (
        "时长，单位是秒。百分位数的误差不超过其自身的十六分之一，或 0.5 ms。"
    ),
    "What happened in some span of time.": "一段时间里发生了什么。",
    "Null: everything.": "null 表示全部。",
    "Length of the time, as far as it has passed.": "这段时间的长度，只算已经过去的部分。",
    "Tasks created.": "创建的任务数。",
    "Attempts started.": "启动的尝试数。",
    "Tasks finished, however they did.": "结束的任务数，无论结果如何。",
    "Failed among those not revoked; 0 to 1.": "结束而未被撤销的任务里，失败所占的比例；0 到 1。",
    "Tasks finished each second.": "每秒结束的任务数。",
    "From ready to the start, of every attempt.": "从就绪到启动的时间，每次尝试都算。",
    "Run time of the attempts that finished their task.": "使任务结束的那些尝试的运行时间。",
    "Whole buckets; those in which nothing happened are left out.": "按完整的时间单位统计；什么也没有发生的不列出。",
    "In UTC.": "按 UTC 划分。",
    "When it was read; it is a few seconds behind.": "读取的时间；数字比实际情况晚几秒。",
    "Largest first.": "最大的在前。",
    "By time, and by group if there are any.": "按时间，有分组时再按分组。",
    "A report that can be asked for.": "可以取的一种报告。",
    "The statistics that the report shows.": "报告所显示的统计。",
    # Error groups.
    "The same failure, counted once. The numbers follow what happens by a few seconds.": (
        "同样的失败，只算一处。数字比实际情况晚几秒。"
    ),
    "Of the error: an exception's name, or such as `timeout`.": "错误的类型：异常的名称，或 `timeout` 之类。",
    "Of the latest failure.": "取自最近一次失败。",
    "`file:function` of the traceback, outermost first, each once.": (
        "回溯里的 `file:function`，最外层的在前，每个只列一次。"
    ),
    "Attempts that failed so, of tasks that are still there.": "这样失败的尝试数，只算仍然存在的任务。",
    "How many tasks those are.": "这些尝试属于多少个任务。",
    "The task of the latest failure.": "最近一次失败的任务。",
    "It came back after it had been resolved.": "标为已处理之后又发生了。",
    "An error group with a traceback.": "一个错误组，带有回溯。",
    "Whether somebody has said that the failure is dealt with, and it has not come back since.": (
        "是否有人说明这个失败已经处理，并且此后没有再发生。"
    ),
    "What became of a request to run a group's tasks again.": "让错误组的任务重新运行的结果。",
    "The new tasks; `retry_of` is the failed one.": "新任务；`retry_of` 是失败的那个。",
    "Still failed and not run again, those refused included; counted up to 100,000.": (
        "仍然失败、还没有重新运行的任务数，包括被拒绝的；最多数到 100,000。"
    ),
    "A task that cannot run again, and why.": "不能再次运行的任务，以及原因。",
    # Webhooks.
    "A URL that is called when tasks end.": "任务结束时调用的一个 URL。",
    "Why the system has made it inactive.": "系统停用它的原因。",
    "Nothing has succeeded since this failure; null after a success.": "从这次失败起，没有一次成功；成功之后为 null。",
    "Until then it is signed with the secret from before the rotation as well.": "在此之前，同时还用轮换之前的密钥签名。",
    "A webhook with its secret, which is shown this once.": "一个 webhook，带有密钥，只显示这一次。",
    "`whsec_...`: with it the receiver checks the signature.": "`whsec_...`：接收端用它检查签名。",
    "A URL to call when tasks end.": "任务结束时要调用的 URL。",
    "https, and a public address unless the configuration says else.": "https，并且是公网地址，除非配置另有规定。",
    "Default: all three.": "默认：三种全部。",
    "Your own tasks, or, for operators, everybody's.": "您自己的任务；运维人员还可以选所有人的。",
    "What a webhook can be told: how a task has ended. `task.` and its status.": (
        "可以通知 webhook 的事件：任务怎样结束。由 `task.` 加上任务的状态组成。"
    ),
    "Which tasks: all of what is given has to be so.": "哪些任务：给出的条件必须全部符合。",
    "What is to change; what is not named stays.": "要修改的字段；没有写的保持不变。",
    "As a whole; `{}` is every task.": "整体替换；`{}` 表示所有任务。",
    "true also makes one that was disabled begin anew.": "true 还会让已被停用的重新开始。",
    "One event for one webhook, and what came of the last attempt.": (
        "发给一个 webhook 的一个事件，以及最近一次尝试的结果。"
    ),
    "An event, or `webhook.ping`.": "事件的类型，或 `webhook.ping`。",
    "The header `webhook-id`; the same at each attempt.": "请求头 `webhook-id`；每次尝试都相同。",
    "When it is due, if it is pending; else of no meaning.": "等待发送时，何时到期；否则没有意义。",
    "The beginning, at most 1,024 bytes.": "开头部分，最多 1,024 字节。",
    "A delivery with what is sent.": "一次投递，带有发送的内容。",
    "`pending` is sent when it is due; the others are final until somebody asks for a replay.": (
        "`pending` 到时就发送；其余的不再改变，除非有人要求重放。"
    ),
    # Task types.
    "A registered function.": "一个已注册的函数。",
    "JSON Schema of what it takes.": "它所接受的参数的 JSON Schema。",
    "Seconds; null is the system's default.": "秒数；null 表示用系统的默认值。",
    # Schedules.
    "A schedule. Fields of the task are null where the function's own hold.": (
        "一个定时任务。其中任务的字段为 null 时，以函数自己的为准。"
    ),
    "`static`: it stands in the code, in `beat_schedule`.": "`static`：写在代码的 `beat_schedule` 里。",
    "`static`: the code's (`beat_schedule`); `api`: made at run time.": (
        "`static`：写在代码里（`beat_schedule`）；`api`：在运行时创建。"
    ),
    "Whose it is, and whose its tasks are.": "它以及它的任务属于谁。",
    "When it fires, in words. Unusual patterns are shown field by field.": (
        "何时触发，用文字说明。不常见的写法逐个字段显示。"
    ),
    "Null: it is paused, or fires no more.": "null 表示已暂停，或不再触发。",
    "The last slot that made a task.": "最近一个产生了任务的时刻。",
    "A schedule with the slots to come.": "一个定时任务，带有接下来的时刻。",
    "The next five, none while it is paused.": "接下来的五个时刻，暂停时没有。",
    "When to fire, and which task each firing makes, as in a submission.": (
        "何时触发，以及每次触发产生什么任务，后者与提交时的字段相同。"
    ),
    "Minute, hour, day of month, month, day of week; of the kind `cron`.": "分、时、日、月、星期；用于 `cron`。",
    "Of a cron; default CELERY_TIMEZONE.": "cron 的时区；默认 CELERY_TIMEZONE。",
    "Whole seconds, at least 10; of the kind `interval`.": "整秒数，至少 10；用于 `interval`。",
    "The only slot, of the kind `once`.": "唯一的时刻；用于 `once`。",
    "No slot is before it; an interval counts from it, else from now.": "没有早于它的时刻；间隔从它算起，不写则从现在算起。",
    "No slot is after it.": "没有晚于它的时刻。",
    "A task that has not started so many seconds after the firing is revoked.": (
        "触发之后过了这么多秒还没有启动的任务会被撤销。"
    ),
    "Of the schedule and its tasks; a user has each name once.": "定时任务及其任务的名称；在每个用户之内唯一。",
    (
        "Slots that were missed, because it was paused or no beat ran, fire once together, or not at "
        "all."
    ): "因为暂停或没有 beat 运行而错过的时刻，合并触发一次，或者一次也不触发。",
    "A change; what is left out stays. `null` takes away what a schedule need not say.": (
        "一次修改；没有写的保持不变。`null` 去掉一个并非必需的字段。"
    ),
    "What decides when it fires.": "由什么决定何时触发。",
    "What becomes of slots that were missed: nothing, or one firing for all of them.": (
        "错过的时刻怎样处理：一次也不触发，或者合并触发一次。"
    ),
    "`skip`: no new task while the last one has not finished.": "`skip`：上一个任务没有结束就不产生新的。",
    "What became of a slot.": "一个时刻的结果。",
    "The slot, or when somebody had it run.": "那个时刻，或者有人让它立即运行的时间。",
    (
        "Why it made no task: `missed`, as nobody could fire it, or one firing stands for several "
        "slots; `overlap`, the last task had not finished; `refused`, see `detail`."
    ): (
        "没有产生任务的原因：`missed`，当时没有谁能触发它，或者几个时刻合并触发了一次；`overlap`，上一个任务还没有结束；"
        "`refused`，见 `detail`。"
    ),
    "The unfinished task, or why the task was refused.": "还没有结束的那个任务，或者任务被拒绝的原因。",
    "Where one line stands for several missed slots: those from `fire_at` on and before this.": (
        "一行代表几个错过的时刻时：从 `fire_at` 起，到这个时间之前的那些。"
    ),
    "Null when the task is gone.": "任务已经不在时为 null。",
    "When that was done or noted.": "触发的时间；没有触发时，是记下此事的时间。",
    "Why a slot made no task.": "一个时刻没有产生任务的原因。",
    "Why it fired, or should have: its slot had come, or somebody asked for it.": (
        "它为什么触发，或本该触发：时刻到了，或者有人要求。"
    ),
    # Queues, limits and workers.
    "A queue as the database knows it; the broker holds only a window of it.": (
        "一个队列，以数据库为准；代理里只有它的一个窗口。"
    ),
    "Waiting tasks by priority.": "等待中的任务数，按优先级统计。",
    "Tasks that are ready and wait for a worker.": "已经就绪、等待 worker 的任务数。",
    "Those of them that have been handed to the broker.": "其中已经交给代理的任务数。",
    "Pending tasks whose time has not come.": "等待中、还没有到时间的任务数。",
    "How long the task that has been ready longest has waited.": "就绪最久的任务已经等了多久。",
    "Live workers that serve it.": "服务于它的在线 worker 数。",
    "A limit and what counts against it now.": "一个限制，以及此刻计入的数目。",
    "Tasks handed out or running; of a limit for many keys, of all of them.": (
        "已经发放或正在运行的任务数；针对多个键的限制，则是所有键合计。"
    ),
    (
        "Tasks handed out within the rate's period; of a limit for many keys, of all of them, up to "
        "10,000 keys."
    ): "在速率的一个周期之内发放的任务数；针对多个键的限制，则是所有键合计，最多 10,000 个键。",
    "null: the function's own `rate_limit`.": "null 表示这是函数自己的 `rate_limit`。",
    "What a limit counts: the tasks of a queue, of a function, or of a `limit_key`.": (
        "限制针对什么：一个队列、一个函数或一个 `limit_key` 的任务。"
    ),
    "A limit. What is left out does not limit.": "一个限制。没有写的不加限制。",
    "A change. What is left out stays as it is; null takes it away.": "一次修改。没有写的保持不变；null 表示去掉。",
    "Tasks that are handed out or running at a time; 0 lets none start.": (
        "同时最多有多少个任务已经发放或正在运行；0 表示一个也不启动。"
    ),
    "Tasks handed out in a second, minute or hour: `10/s`, `100/m`, `5/h`.": (
        "每秒、每分钟或每小时发放多少个任务：`10/s`、`100/m`、`5/h`。"
    ),
    "At most `count` within any `seconds`.": "任意 `seconds` 秒之内最多 `count` 个。",
    "A worker as it last described itself.": "worker 最近一次对自己的描述。",
    "Ids of the tasks it works on.": "它正在执行的任务的编号。",
    "Whether its last heartbeat is fresh.": "最近一次心跳是否足够新。",
    "Whether it knows the same functions as this API.": "它所知道的函数是否与这个 API 相同。",
    # Accounts.
    "What signing in gives.": "登录得到的令牌。",
    "Email and password.": "邮箱和密码。",
    "Seconds until the token ends.": "多少秒之后令牌到期。",
    "Email and password of whoever signs in.": "登录者的邮箱和密码。",
    "Who makes this request, as what, and until when.": "谁在发出这个请求，以什么身份，到什么时候为止。",
    "`session`: by the cookie; `api`: by a token.": "`session`：凭 cookie；`api`：凭令牌。",
    "The user behind the token, and what the token may be used for.": "令牌背后的用户，以及令牌可以做什么。",
    "What a token may be used for. Never more than the role of its owner allows.": (
        "令牌可以做什么。绝不超过其所有者的角色所允许的。"
    ),
    "`user` sees own tasks, `operator` all tasks and the machinery, `admin` people too.": (
        "`user` 看得到自己的任务，`operator` 看得到全部任务和系统的运行情况，`admin` 还看得到用户。"
    ),
    "A token, without its text, which is not kept.": "一个令牌，不含其文本：文本不保存。",
    "The beginning of its text.": "其文本的开头。",
    "The token that has taken its place.": "取代它的令牌。",
    "Email of its owner.": "所有者的邮箱。",
    "A token to make. Without `scopes` it gets the usual ones of its owner's role.": (
        "要创建的令牌。没有 `scopes` 时，得到其所有者的角色通常有的权限范围。"
    ),
    "Seconds; null never ends.": "有效的秒数；null 表示永不过期。",
    "Whose token; another user's needs users:write.": "令牌属于谁；为别的用户创建需要 users:write。",
    "A token just made; `token` is shown this once.": "刚创建的令牌；`token` 只显示这一次。",
    "How a token is replaced.": "令牌怎样轮换。",
    "How long the old token goes on working, if it does not end before.": "旧令牌还能用多少秒，除非它更早到期。",
    "Where a token counts, and nowhere else.": "令牌在哪里有效；在别处一概无效。",
    "A user.": "一个用户。",
    "A user to make. Without a password it can only use tokens.": "要创建的用户。没有密码的只能使用令牌。",
    # The audit log.
    "One action: who did it, how, on what, and how it ended.": "一次操作：谁做的，怎样做的，对什么做的，结果如何。",
    "Null where nobody was known, and at a terminal.": "身份不明者和在终端上操作时为 null。",
    "As it was then; of a refused sign-in the one that was tried.": "当时的邮箱；登录被拒绝时，是所尝试的那个。",
    "How whoever acted was known.": "凭什么得知操作者是谁。",
    "How whoever acted was known: by what was sent, or by sitting at the machine.": (
        "凭什么得知操作者是谁：凭随请求发来的凭据，或者因为就坐在机器前。"
    ),
    "The beginning of the token's text.": "令牌文本的开头。",
    "An operation of this API, `useSignInLink`, or the words of a command.": (
        "本 API 的一个操作、`useSignInLink`，或命令的名称。"
    ),
    "The parameters of the path.": "路径里的参数。",
    "What tells of the action; never a secret.": "说明这次操作的内容；绝不含机密。",
    "As answered; null: no end is known.": "所应答的状态码；null 表示不知道结果。",
    "`code` of the problem that was answered.": "所应答的错误的 `code`。",
    "The client's; at a terminal the machine's name.": "客户端的地址；在终端上操作时是机器名。",
    # Health and errors.
    "The process answers.": "进程有应答。",
    "`ok`; `degraded`: works, but something is missing; `failed`: cannot do its work.": (
        "`ok`：正常；`degraded`：能工作，但缺少某样东西；`failed`：无法工作。"
    ),
    "One thing that health depends on.": "健康状况所取决的一项。",
    "An error.": "一个错误。",
    "One sentence for people: what is wrong and what to do.": "给人看的一句话：哪里不对，怎么办。",
    "The path that was asked for.": "所请求的路径。",
    "For programs; never changes.": "给程序用；永不改变。",
    "Stands in the log and in the X-Request-ID header.": "日志和 X-Request-ID 响应头里也有。",
    "Present when status is 422.": "状态码为 422 时才有。",
    "One place of the request that was refused.": "请求里被拒绝的一处。",
}
