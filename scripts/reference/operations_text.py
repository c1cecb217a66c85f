"""What the Chinese reference says in words of its own, by the names that the API's description uses.

What parameters, fields and answers mean is in `descriptions_text.py`; everything else of that page
(names, bounds, codes) is made from the description. A new operation needs a line here; then
`make docs`.
"""

from __future__ import annotations

TAGS = {
    "tasks": ("Tasks", "任务"),
    "bulk operations": ("Bulk operations", "批量操作"),
    "events": ("Events", "事件流"),
    "statistics": ("Statistics", "统计"),
    "error groups": ("Error groups", "错误组"),
    "webhooks": ("Webhooks", "webhook"),
    "task types": ("Task types", "任务类型"),
    "schedules": ("Schedules", "定时任务"),
    "queues": ("Queues", "队列"),
    "limits": ("Limits", "限制"),
    "workers": ("Workers", "worker"),
    "account": ("Account", "帐号"),
    "audit": ("Audit log", "审计日志"),
    "health": ("Health", "健康状况"),
}

# By the operation's id.
CHINESE = {
    "abortBulkOperation": "中止一个批量操作。已经做完的不会撤回，其余的保持原样。",
    "cancelTask": "取消一个任务。等待中的立刻撤销，正在运行的会收到停止要求。",
    "cancelTasks": "取消许多任务。等待中的立刻撤销，正在运行的会收到停止要求。",
    "changeLimit": "修改一个限制。从应答起生效。",
    "changeWebhook": "修改一个 webhook。还需要 `tasks:read`。",
    "closeSession": "退出登录：会话在每个标签页里都结束。",
    "countTasks": "按状态计数，过滤条件与列表相同。",
    "createSchedule": "创建一个定时任务：每个时刻产生一个属于您的任务。永远不会触发的会被拒绝。",
    "createTask": "创建一个任务。落库之后才应答；即使代理此刻停机，它也会运行。",
    "createTasks": (
        "一次创建最多 10,000 个任务，要么全部，要么一个也没有。错误用序号指出是哪个任务。`depends_on` 和 `parent_id` "
        "可以用 `local_id` 指名同一请求里的其他任务，所以整个工作流是一次请求。"
    ),
    "createToken": "创建一个 API 令牌；文本只显示这一次。它能做的不会多于您的令牌。",
    "createUser": "创建一个用户。",
    "createViewToken": "为一个任务创建只读的查看凭证，供没有帐号的人的浏览器使用。",
    "createWebhook": "创建一个 webhook；密钥只显示这一次。还需要 `tasks:read`。",
    "deleteLimit": "取消一个限制。代码里写了 `rate_limit` 的函数恢复那个速率。",
    "deleteSchedule": "删除一个定时任务。它的任务保留，历史消失。",
    "deleteTask": "删除一个任务。正在运行的会收到停止要求，真正停下之后消失。还有未结束的任务依赖它时是 409。",
    "deleteTasks": "删除许多任务。正在运行的会收到停止要求，停下之后消失。",
    "deleteWebhook": "删除一个 webhook。还没有通知的不再发送。",
    "explainTask": "说明任务为什么没有运行：每一个原因，最先要消除的排在最前，并附办法。运行中的说明在哪里，已结束的说明怎样结束。",
    "getBulkOperation": "查看一个批量操作：进行到了哪里。",
    "getDelivery": "查看一次投递，带内容。",
    "getErrorGroup": "查看一个错误组，带回溯。",
    "getLimit": "查看一个限制。",
    "getLiveness": "只要进程还在就应答。",
    "getMe": "查看令牌背后的用户，以及令牌可以做什么。",
    "getMetrics": "Prometheus 文本格式的数字。来自数据库的会晚几秒。",
    "getQueue": "查看一个队列。",
    "getReadiness": "能否处理请求：数据库连不上或表结构不同时是 503，并写明原因；代理离线会指出，但不是 503。",
    "getReport": "取一份报告：JSON、供电子表格使用的 CSV，或可打印的网页。",
    "getSchedule": "查看一个定时任务，带接下来的五个时刻。",
    "getSession": "查看谁登录着，到什么时候。",
    "getStatistics": "按时间和分组统计任务发生了什么、用了多久。",
    "getTask": "查看一个任务。",
    "getTaskCheckpoint": "查看任务为下一次尝试保存了什么。没有保存时是 404 `no_checkpoint`。",
    "getTaskGraph": "查看任务周围的依赖图：由边与它相连的一切。",
    "getWebhook": "查看一个 webhook。",
    "listAuditEntries": "列出谁做了什么、结果如何，从新到旧。",
    "listBulkItems": "列出批量操作中每个任务的结果。",
    "listBulkOperations": "列出批量操作，从新到旧；运维人员看得到所有人的。",
    "listDeliveries": "列出一个 webhook 得到的通知，从新到旧。",
    "listErrorGroupTasks": "列出这样失败过的任务，从新到旧，不管后来怎样。",
    "listErrorGroups": "列出错误组，最近出现的在前。沿着 `Link` 翻页。",
    "listFirings": "列出定时任务各个时刻的结果，从新到旧：它的任务，或者为什么没有任务。",
    "listLimits": "列出限制，以及此刻计入的数目。",
    "listQueues": "列出队列：按优先级的积压、最长等待、是否暂停、服务于它的 worker。",
    "listReports": "列出有哪些报告。",
    "listSchedules": "列出定时任务，从新到旧。沿着 `Link` 翻页。",
    "listTaskAttempts": "列出任务的每次启动，从旧到新，在给出的那次之后。只有经常推后自己的任务才会超过一页：那不消耗次数。",
    "listTaskChildren": "列出任务的子任务，从新到旧。沿着 `Link` 翻页。",
    "listTaskLogs": "列出任务记录的行，从旧到新，在给出编号的那行之后。",
    "listTaskTypes": "列出已注册的函数：接受什么、在哪里运行、有哪些限制。",
    "listTasks": "列出任务，从新到旧。沿着 `Link` 翻页：翻到哪里代价都一样。",
    "listTokens": "列出您的令牌，从新到旧，包括已吊销的。",
    "listUsers": "按邮箱列出用户。",
    "listWebhooks": "列出 webhook，从新到旧；运维人员看得到所有人的。",
    "listWorkers": "列出 worker：执行位、运行中的任务、心跳、CPU、内存、版本。",
    "openSession": "用邮箱和密码让浏览器登录：设置会话 cookie。",
    "pauseQueue": "暂停发放一个队列的任务。已经在运行的继续。",
    "pauseSchedule": "暂停一个定时任务，代码里的也可以。它的任务照常继续。",
    "putLimit": "创建或替换一个限制。从应答起生效，所有 worker 合在一起计算。",
    "reopenErrorGroup": "说明一个失败其实还没有处理。",
    "replayDelivery": "立即再发送一次，不管之前结果如何，用同一个 `webhook-id`。",
    "resolveErrorGroup": "说明一个失败已经处理。若再发生，错误组会重新打开并写明。",
    "resumeQueue": "恢复发放一个队列的任务。",
    "resumeSchedule": "让一个定时任务继续。错过的按它的 `misfire` 触发一次，或不触发。",
    "retryErrorGroup": "让组里仍然失败的任务全部重新运行，都是新任务，从最新的开始。",
    "retryTask": "把已结束的任务作为带 `retry_of` 的新任务再运行一次，可以换参数。",
    "retryTasks": "让许多已结束的任务再运行一次，每个都是带 `retry_of` 的新任务。",
    "revokeToken": "吊销一个令牌。一两秒之内在每个进程里失效。",
    "rotateSecret": "给 webhook 换一个密钥。一天之内同时用旧密钥签名。",
    "rotateToken": (
        "换一个新令牌，名称、权限范围和有效时长相同，文本只显示这一次。旧令牌再用 `overlap_seconds` 秒。"
        "新令牌能做的不会多于您的令牌。"
    ),
    "runSchedule": "立即产生一个任务，暂停中的也可以。各个时刻不变。",
    "signIn": "用邮箱和密码取得令牌。",
    "streamTask": "跟踪一个任务：先是当前状态，然后是每个变化。任务结束之后仍然打开，在 `event: deleted` 之后结束。",
    "streamTasks": (
        "跟踪您的任务。先是进行中的和最新的 500 个，每个一条 `event: task`，然后是 `event: ready`：到此还没有发送的，对您来说就不存在。"
        "之后是每个变化，以及 `event: deleted`。"
    ),
    "testWebhook": "发送一个 `webhook.ping`；结果见投递记录。",
    "updateSchedule": "修改一个定时任务。改动触发时间的字段时，从现在起重新计算。",
    "updateTask": "修改一个任务：编辑、取消，或由 Celery 之外的执行者认领和报告。",
}
