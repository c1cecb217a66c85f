import { useText } from "../../text/language";
import { ownZone } from "../ownZone";
import { words } from "./text";

/** Whose time is meant, since inputs of times do not say it; empty where nobody knows. */
export function useZone(): string {
  const t = useText(words);
  const zone = ownZone();
  return zone && t.inZone(zone);
}
