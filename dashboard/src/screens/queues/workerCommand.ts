/** What starts a worker, to be copied into a terminal. Pure. */
import { word } from "../../components/shell";

const START = "python -m scripts.celery_worker";

/** The command for a worker on all queues, or on one, whose name may have come with a task. */
export function workerCommand(queue?: string): string {
  return queue === undefined ? START : `${START} --queues ${word(queue)}`;
}
