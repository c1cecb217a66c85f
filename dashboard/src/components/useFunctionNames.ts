import { useTaskTypes } from "./arguments/task-types";

/** The names of all functions, to choose from; none until they are known. */
export function useFunctionNames(): string[] {
  const names = useTaskTypes().data?.map((type) => type.name) ?? [];
  // What offers them refuses to be drawn with the same one twice.
  return [...new Set(names)];
}
