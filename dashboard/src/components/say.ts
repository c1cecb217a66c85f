/** Short notes at the edge of the page. */
import { notifications } from "@mantine/notifications";
import { Problem } from "../api/client";
import { common } from "../text/common";
import { shownLanguage } from "../text/language";

export function say(message: string): void {
  notifications.show({ message, color: "teal" });
}

export function sayError(error: unknown): void {
  const unreachable = error instanceof Problem && error.status === 0;
  const message = error instanceof Error ? error.message : String(error);
  notifications.show({
    message: unreachable ? common[shownLanguage()].unreachable : message,
    color: "red",
    autoClose: 10_000,
  });
}
