import { expect, test } from "vitest";
import { NOBODY, signInCommand, userFaults, userOrder } from "./users";

test("a user without a password is sent without one", () => {
  expect(userOrder({ ...NOBODY, email: " bob@example.org " })).toEqual({
    email: "bob@example.org",
    role: "user",
    password: null,
  });
});

test("a password is sent as it is typed", () => {
  expect(userOrder({ ...NOBODY, password: " eight ch " }).password).toBe(" eight ch ");
});

test.each([
  ["bob@localhost", false],
  [" bob@example.org ", false],
  ["bob", true],
  ["bob @example.org", true],
  ["", true],
])("that the email %j is wrong: %s", (email, wrong) => {
  expect(userFaults({ ...NOBODY, email }).email).toBe(wrong);
});

test("a password is long enough, or there is none", () => {
  expect(userFaults({ ...NOBODY, password: "" }).password).toBe(false);
  expect(userFaults({ ...NOBODY, password: "seven77" }).password).toBe(true);
  expect(userFaults({ ...NOBODY, password: "eight888" }).password).toBe(false);
});

test("an email is one word of the command, whatever is in it", () => {
  expect(signInCommand("bob@example.org")).toBe("taskctl user sign-in-link bob@example.org");
  expect(signInCommand("o'neil;ls@x.org")).toBe("taskctl user sign-in-link 'o'\\''neil;ls@x.org'");
});
