import { Text, type TextProps } from "@mantine/core";
import { clip } from "../lib/format";

/** Characters that are drawn at most: it may be anything that somebody else has written. */
const LONGEST = 300;

interface Props extends Pick<TextProps, "size" | "c" | "fw" | "ff"> {
  text: string;
  /** Instead of the text, for those who point at it. */
  title?: string;
}

/** Text of one line, cut where there is no room for more. */
export function OneLine({ text, title = text, size = "sm", ...look }: Props) {
  return (
    <Text {...look} size={size} className="one-line" title={clip(title, LONGEST)}>
      {clip(text, LONGEST)}
    </Text>
  );
}
