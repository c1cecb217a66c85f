/** What is to be known of the functions to choose from. Pure. */
import type { TaskType } from "../../api/types";
import { ANYTHING, type Schema } from "../../lib/json-schema";

/** What the function of that name takes; anything, as far as is known of one that is not there. */
export function schemaOf(types: readonly TaskType[], name: string): Schema {
  return types.find((type) => type.name === name)?.parameters ?? ANYTHING;
}

/** The one that an address asks for, or the only one there is; empty where there is a choice. */
export function firstFunction(types: readonly TaskType[], asked: string | null): string {
  const [first, ...others] = types;
  return asked ?? (first && others.length === 0 ? first.name : "");
}
