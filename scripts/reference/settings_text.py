"""What each setting is for, in both languages: the only place where that is written down.

A new setting is a field in `app/core/config.py`, a line in `.env.example`, and a line here; then
`make docs`.
"""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """One setting. The defaults in words are for those that the program works out by itself."""

    en: str
    zh: str
    default_en: str = ""
    default_zh: str = ""


class Group(NamedTuple):
    """A chapter of the page: its heading in both languages and its settings, by variable."""

    en: str
    zh: str
    settings: dict[str, Line]


GROUPS = [
    Group(
        "Where things are",
        "各部分在哪里",
        {
            "APP_ENV": Line(
                "in production missing or default secrets stop the start, and nothing migrates by itself: [operations](operations.md#3-production)",
                "生产环境里，缺少机密或仍用默认值时拒绝启动，也不会自动迁移：[运维](operations.md#3-生产环境)",
            ),
            "ENV_FILE": Line(
                "another dotenv file to read; only in the environment itself",
                "改读另一个 dotenv 文件；只能在环境变量里给出",
            ),
            "DATABASE_URL": Line(
                "the database; PostgreSQL is `postgresql://user:password@host/name`: [operations](operations.md#5-database)",
                "数据库；PostgreSQL 写作 `postgresql://user:password@host/name`：[运维](operations.md#5-数据库)",
                "SQLite in `DATA_DIR`",
                "`DATA_DIR` 里的 SQLite",
            ),
            "DATABASE_POOLER": Line(
                "`transaction` behind a pooler such as PgBouncer: [operations](operations.md#52-behind-a-pooler)",
                "经过 PgBouncer 等连接池时用 `transaction`：[运维](operations.md#52-经过连接池)",
            ),
            "DATA_DIR": Line(
                "folder of the SQLite file, of the broker's data, the generated secret and backups",
                "SQLite 文件、代理数据、生成的密钥和备份所在的目录",
            ),
            "LOG_DIR": Line(
                "folder of the log files: [guide](guide.md#7-logs)",
                "日志文件所在的目录：[指南](guide.md#7-日志)",
            ),
            "LOG_FORMAT": Line(
                "`json` writes one object a line, for programs: [operations](operations.md#13-logs)",
                "`json` 每行写一个对象，供程序读取：[运维](operations.md#13-日志)",
            ),
            "SECRET_KEY": Line(
                "signs sessions, links, view tokens and webhooks; at least 32 characters, the same in every process",
                "为会话、链接、查看凭证和 webhook 签名；至少 32 个字符，每个进程都相同",
                "generated in development",
                "开发环境自动生成",
            ),
            "API_HOST": Line(
                "where `make up` lets the API listen; `0.0.0.0` is every address of the machine",
                "`make up` 让 API 在何处监听；`0.0.0.0` 是本机的所有地址",
            ),
            "API_PORT": Line(
                "the API's port",
                "API 的端口",
            ),
            "CORS_ORIGINS": Line(
                "origins whose pages may read with a view token",
                "其页面可用查看凭证读取的来源",
            ),
            "METRICS_TOKEN": Line(
                "at least 16 characters; with it Prometheus reads `/metrics` also while the database is away",
                "至少 16 个字符；有了它，数据库失联时 Prometheus 也能读取 `/metrics`",
            ),
        },
    ),
    Group(
        "Broker and Celery",
        "代理与 Celery",
        {
            "CELERY_BROKER_URL": Line(
                "the broker, a server that speaks Redis' protocol; with a password `redis://:password@host:6379/0`, with TLS `rediss://`",
                "消息代理，一台使用 Redis 协议的服务器；有密码时 `redis://:password@host:6379/0`，用 TLS 时 `rediss://`",
            ),
            "BROKER_KEY_PREFIX": Line(
                "beginning of every key in the broker",
                "代理中每个键的开头",
            ),
            "CELERY_RESULT_BACKEND": Line(
                "results of untracked Celery calls",
                "不受跟踪的 Celery 调用的结果",
            ),
            "CELERY_TASK_SERIALIZER": Line(
                "nothing else is accepted",
                "不接受其他值",
            ),
            "CELERY_RESULT_SERIALIZER": Line(
                "nothing else is accepted",
                "不接受其他值",
            ),
            "CELERY_TIMEZONE": Line(
                "zone of crontabs, and of schedules that name none",
                "crontab 的时区，也是没有写明时区的定时任务的时区",
            ),
            "DISPATCH_WINDOW": Line(
                "messages of a queue in the broker at a time",
                "每个队列同时在代理里的消息数",
                "automatic",
                "自动",
            ),
        },
    ),
    Group(
        "Flower",
        "Flower",
        {
            "FLOWER_USER": Line(
                "account for Flower",
                "Flower 帐号",
            ),
            "FLOWER_PASSWORD": Line(
                "its password; `admin` is refused in production, and wherever others reach Flower",
                "其密码；`admin` 在生产环境里、以及别人够得着 Flower 的地方会被拒绝",
            ),
            "FLOWER_PORT": Line(
                "port of Flower, on this machine only",
                "Flower 的端口，仅限本机",
            ),
        },
    ),
    Group(
        "Your tasks",
        "您的任务",
        {
            "TASK_MODULES": Line(
                "modules with your own tasks: [guide](guide.md#8-your-own-package)",
                "您自己的任务模块：[指南](guide.md#8-您自己的包)",
            ),
            "TASK_REQUIREMENTS": Line(
                "requirements file of what those modules need; `make up` installs it",
                "这些模块所需的 requirements 文件；`make up` 会安装它",
            ),
        },
    ),
    Group(
        "Workers",
        "worker",
        {
            "CELERY_WORKER_CONCURRENCY": Line(
                "tasks that a worker machine runs at a time, its slots",
                "一台 worker 机器同时执行的任务数，即执行位",
                "number of cores",
                "核心数",
            ),
            "WORKER_PROCESSES": Line(
                "Celery main processes that share those: [operations](operations.md#1-processes)",
                "分担这些执行位的 Celery 主进程数：见[运维](operations.md#1-进程)",
            ),
            "TASK_TIME_LIMIT_SECONDS": Line(
                "hard limit of tasks that set none",
                "未设时限的任务的硬时限",
            ),
            "TASK_MEMORY_LIMIT_MB": Line(
                "memory a task's process may use",
                "任务进程可用的内存",
            ),
            "CANCEL_GRACE_SECONDS": Line(
                "time a cancelled task has to stop by itself",
                "被取消的任务有多久可以自己停下",
            ),
            "DRAIN_SECONDS": Line(
                "time a stopping worker gives its running tasks",
                "停止中的 worker 给运行中任务的时间",
            ),
            "LEASE_SECONDS": Line(
                "silence after which a worker's tasks are taken from it",
                "worker 沉默多久后，其任务被收回",
            ),
            "HEARTBEAT_SECONDS": Line(
                "how often leases are renewed; at most half of the lease",
                "租约多久续一次；最多是租约的一半",
            ),
            "RECONCILE_SECONDS": Line(
                "how often lost messages and dead workers are looked for",
                "多久查找一次丢失的消息和死掉的 worker",
            ),
            "AGEING_SECONDS": Line(
                "waiting time that is worth one priority level",
                "等待多久相当于一个优先级",
            ),
        },
    ),
    Group(
        "How long things are kept",
        "保留多久",
        {
            "RETENTION_DAYS": Line(
                "finished tasks, bulk operations, deliveries of webhooks and what schedules did are deleted when older than this; 0 keeps them",
                "更早结束的任务、批量操作、webhook 投递记录和定时任务的历史会被删除；0 表示保留",
            ),
            "AUDIT_RETENTION_DAYS": Line(
                "entries of the audit log are deleted when older than this; 0 keeps them",
                "更早的审计日志条目会被删除；0 表示保留",
            ),
            "STATISTICS_DAYS": Line(
                "statistics by day are kept so long; 0 keeps them. By hour: 35 days",
                "按天的统计保留这么久；0 表示一直保留。按小时的保留 35 天",
            ),
        },
    ),
    Group(
        "What one user may have",
        "一个用户可以有多少",
        {
            "PENDING_TASKS_PER_USER": Line(
                "tasks of one user that may wait at a time",
                "一个用户同时可以有多少个等待中的任务",
            ),
            "SUBMISSIONS_PER_MINUTE": Line(
                "tasks that one user may submit in a minute, in each API process; 0 does not limit it",
                "一个用户每分钟可以提交的任务数，按每个 API 进程计；0 表示不限",
            ),
            "SCHEDULES_PER_USER": Line(
                "as many schedules as one user may make",
                "一个用户最多可以创建的定时任务数",
            ),
            "WEBHOOKS_PER_USER": Line(
                "webhooks that a user may have",
                "一个用户可以有多少个 webhook",
            ),
            "TOKENS_PER_USER": Line(
                "API tokens of one user that work at a time, besides those made at the command line",
                "一个用户同时有效的 API 令牌数，不计在命令行里创建的",
            ),
            "STREAMS_PER_USER": Line(
                "event streams that one user may have open in an API process",
                "一个用户在一个 API 进程里可以打开的事件流数",
            ),
            "STREAMS_PER_PROCESS": Line(
                "event streams that an API process has open for all; each is an open file",
                "一个 API 进程总共可以打开的事件流数；每个占用一个打开的文件",
            ),
        },
    ),
    Group(
        "Webhooks",
        "webhook",
        {
            "WEBHOOK_ALLOWED_NETWORKS": Line(
                "networks that webhooks may call although they are not public",
                "不是公网、但 webhook 可以调用的网络",
            ),
            "WEBHOOK_ALLOW_HTTP": Line(
                "webhooks may call http in production, too",
                "生产环境里 webhook 也可以调用 http",
            ),
            "WEBHOOK_DISABLE_DAYS": Line(
                "days without a success after which a failing webhook is disabled; 0 never",
                "一直失败的 webhook 多少天没有一次成功就停用；0 表示从不",
            ),
        },
    ),
    Group(
        "An identity provider",
        "身份提供方",
        {
            "OIDC_ISSUER": Line(
                "an identity provider whose tokens count here: [security](security.md#6-an-identity-provider)",
                "在这里认可其令牌的身份提供方：[安全](security.md#6-接入身份提供方)",
            ),
            "OIDC_AUDIENCE": Line(
                "the name of this API in its tokens; needed with `OIDC_ISSUER`",
                "它的令牌里对本 API 的称呼；设了 `OIDC_ISSUER` 就必须设",
            ),
            "OIDC_JWKS_URL": Line(
                "where its keys are",
                "它的公钥在哪里",
                "the issuer says it",
                "由提供方告知",
            ),
            "OIDC_ROLE_CLAIM": Line(
                "the claim that names somebody's roles; a dot leads into a claim",
                "写明角色的声明（claim）；点号表示进入下一层",
            ),
            "OIDC_ROLES": Line(
                "what its values stand for: `task-admins=admin,staff=user`; `*` is for anybody else",
                "各个值代表什么角色：`task-admins=admin,staff=user`；`*` 代表其余的人",
                "the roles' own names",
                "角色自己的名字",
            ),
        },
    ),
]
