/** What the audit log is asked for. Pure. */
import { textAt, timeAt } from "../../components/filters";

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

const STATUS = /^(failed|open|[1-5]\d\d)$/;

/** The filters that an address names; what it gets wrong is left out. */
export function readAuditFilters(address: URLSearchParams): AuditFilters {
  const status = textAt(address, "status");
  return {
    user: textAt(address, "user"),
    action: textAt(address, "action"),
    via: VIAS.find((each) => each === address.get("via")) ?? "",
    status: STATUS.test(status) ? status : "",
    target: textAt(address, "target"),
    from: timeAt(address, "from"),
    to: timeAt(address, "to"),
  };
}
