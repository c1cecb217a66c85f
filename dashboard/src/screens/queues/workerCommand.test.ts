import { expect, test } from "vitest";
import { workerCommand } from "./workerCommand";

test("without a queue, a worker serves all of them", () => {
  expect(workerCommand()).toBe("python -m scripts.celery_worker");
});

test.each([
  ["mail", "mail"],
  ["eu.mail_2-b", "eu.mail_2-b"],
  ["two words", "'two words'"],
  ["$(reboot)", "'$(reboot)'"],
  ["it's; ls", "'it'\\''s; ls'"],
  ["", "''"],
])("the queue %s is one word of the command", (queue, word) => {
  expect(workerCommand(queue)).toBe(`python -m scripts.celery_worker --queues ${word}`);
});
