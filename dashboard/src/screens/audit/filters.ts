/** What the audit log is asked for, kept in the page's address. Pure. */

export const VIAS = ["token", "session", "link", "password", "terminal"] as const;
export type Via = (typeof VIAS)[number];

/** `failed`: refused or gone wrong; `open`: no end is known. Besides them any status of HTTP. */
export const ENDS = ["failed", "open"] as const;

/** The filters by the API's names; an empty one restricts nothing. */
export interface AuditFilters {
  readonly user: string;
  readonly action: string;
  readonly via: Via | "";
  readonly status: string;
  readonly target: string;
  readonly from: string;
  readonly to: string;
}

const TEXTS = ["user", "action", "target"] as const;
const TIMES = ["from", "to"] as const;
const STATUS = /^(failed|open|[1-5]\d\d)$/;

/** The filters that an address names; what it gets wrong is left out. */
export function readAuditFilters(address: URLSearchParams): AuditFilters {
  const text = (name: string) => address.get(name)?.trim() ?? "";
  const time = (name: string) => (Number.isNaN(Date.parse(text(name))) ? "" : text(name));
  const status = text("status");
  return {
    user: text("user"),
    action: text("action"),
    via: VIAS.find((each) => each === text("via")) ?? "",
    status: STATUS.test(status) ? status : "",
    target: text("target"),
    from: time("from"),
    to: time("to"),
  };
}

/** The address that names these filters. */
export function writeAuditFilters(filters: AuditFilters): URLSearchParams {
  const address = new URLSearchParams();
  for (const name of [...TEXTS, "via", "status", ...TIMES] as const) {
    const value = filters[name].trim();
    if (value) address.set(name, value);
  }
  return address;
}

/** Whether only some entries are asked for: an empty list says nothing about the others. */
export function isNarrow(filters: AuditFilters): boolean {
  return writeAuditFilters(filters).size > 0;
}

/** The filters as the API takes them. */
export function auditQuery({ user, action, via, status, target, from, to }: AuditFilters) {
  return {
    user: user || undefined,
    action: action || undefined,
    via: via || undefined,
    status: status || undefined,
    target: target || undefined,
    from: from || undefined,
    to: to || undefined,
  };
}
