/** What a webhook and its deliveries are in the middle of. Pure. */
import type { Delivery, DeliveryStatus, Webhook } from "../../api/types";

/** `off`: by its owner; `disabled`: by the system, which says why. */
export type WebhookState = "active" | "failing" | "off" | "disabled";

export function stateOf(
  webhook: Pick<Webhook, "active" | "disabled_reason" | "failing_since">,
): WebhookState {
  if (!webhook.active) return webhook.disabled_reason === null ? "off" : "disabled";
  return webhook.failing_since === null ? "active" : "failing";
}

/** Whether the secret of before the rotation is signed with as well, at this millisecond. */
export function oldSecretHolds(webhook: Pick<Webhook, "previous_until">, now: number): boolean {
  return webhook.previous_until !== null && Date.parse(webhook.previous_until) > now;
}

export const DELIVERY_STATUSES = [
  "pending",
  "succeeded",
  "failed",
] as const satisfies readonly DeliveryStatus[];

/** What came of the last attempt, in one line: `500 · The receiver answered 500`. */
export function outcomeOf(delivery: Pick<Delivery, "response_status" | "error">): string {
  const parts = [delivery.response_status, delivery.error].filter((part) => part !== null);
  return parts.join(" · ") || "–";
}
