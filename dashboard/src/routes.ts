/** Every screen of the page: where it is, and its code, which is fetched when it is first gone to. */
import { type ComponentType, lazy } from "react";

export interface ScreenProps {
  /** `:id` of the address; empty where it has none. */
  readonly id: string;
}

export interface Screen {
  readonly path: string;
  readonly Screen: ComponentType<ScreenProps>;
}

type Module = Promise<{ default: ComponentType<ScreenProps> }>;

function screen(path: string, load: () => Module): Screen {
  return { path, Screen: lazy(load) };
}

/** In this order: the first one that fits is shown. */
export const SCREENS: readonly Screen[] = [
  screen("/", () => import("./screens/overview/Overview")),
  screen("/tasks", () => import("./screens/tasks/Tasks")),
  screen("/tasks/new", () => import("./screens/new-task/NewTask")),
  screen("/tasks/:id", () => import("./screens/task/TaskScreen")),
  screen("/bulk", () => import("./screens/bulk/BulkOperations")),
  screen("/bulk/:id", () => import("./screens/bulk/BulkOperationScreen")),
  screen("/failures", () => import("./screens/failures/Failures")),
  screen("/failures/:id", () => import("./screens/failures/Failure")),
  screen("/schedules", () => import("./screens/schedules/Schedules")),
  screen("/schedules/new", () => import("./screens/schedules/EditSchedule")),
  screen("/schedules/:id", () => import("./screens/schedules/ScheduleScreen")),
  screen("/schedules/:id/edit", () => import("./screens/schedules/EditSchedule")),
  screen("/queues", () => import("./screens/queues/Queues")),
  screen("/reports", () => import("./screens/reports/Reports")),
  screen("/reports/:id", () => import("./screens/reports/ReportScreen")),
  screen("/webhooks", () => import("./screens/webhooks/Webhooks")),
  screen("/webhooks/:id", () => import("./screens/webhooks/WebhookScreen")),
  screen("/audit", () => import("./screens/audit/Audit")),
  screen("/account", () => import("./screens/account/Account")),
];
