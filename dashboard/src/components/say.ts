/** Short notes at the edge of the page. */
import { notifications } from "@mantine/notifications";

export function say(message: string): void {
  notifications.show({ message, color: "teal" });
}

export function sayError(error: unknown): void {
  notifications.show({
    message: error instanceof Error ? error.message : String(error),
    color: "red",
    autoClose: 10_000,
  });
}
