import { expect, test } from "vitest";
import { nextCursor, Problem, problemOf } from "./client";

test("a problem of the API keeps its sentence, its code and its places", async () => {
  const body = {
    code: "invalid",
    detail: "The body is not as it should be",
    errors: [{ loc: ["body", "kwargs", "duration"], msg: "Field required", type: "missing" }],
    request_id: "r-1",
  };
  const problem = await problemOf(new Response(JSON.stringify(body), { status: 422 }));
  expect(problem).toBeInstanceOf(Problem);
  expect([problem.status, problem.code, problem.message]).toEqual([
    422,
    "invalid",
    "The body is not as it should be",
  ]);
  expect(problem.places[0]?.msg).toBe("Field required");
  expect(problem.requestId).toBe("r-1");
});

test("an answer of a proxy is a problem too", async () => {
  const problem = await problemOf(
    new Response("<html>Bad gateway", { status: 502, statusText: "Bad Gateway" }),
  );
  expect(problem.message).toBe("502 Bad Gateway");
  expect(problem.passes).toBe(true);
});

test("what is refused does not pass by itself", () => {
  expect(new Problem(409, "finished", "It has finished").passes).toBe(false);
  expect(new Problem(0, "unreachable", "").passes).toBe(true);
});

test("the next page is known by its cursor", () => {
  const link = '<http://localhost:8000/api/v1/tasks/?limit=2&cursor=abc%3D>; rel="next"';
  expect(nextCursor(new Response("[]", { headers: { link } }))).toBe("abc=");
  expect(nextCursor(new Response("[]"))).toBeNull();
});
