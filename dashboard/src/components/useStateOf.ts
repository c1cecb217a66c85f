import { type Dispatch, useState } from "react";

/** State that belongs to `owner`, such as a question: with another owner it is `first` again. */
export function useStateOf<T>(owner: string, first: T): [T, Dispatch<T>] {
  const [kept, keep] = useState({ owner, value: first });
  const value = kept.owner === owner ? kept.value : first;
  return [value, (next) => keep({ owner, value: next })];
}
