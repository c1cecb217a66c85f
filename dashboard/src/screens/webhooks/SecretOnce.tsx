import { ShownOnce } from "../../components/ShownOnce";
import { useText } from "../../text/language";
import { words } from "./text";

/** The secret of a webhook that was just made, or that has got another one. */
export function SecretOnce({ secret, onClose }: { secret: string | null; onClose: () => void }) {
  const t = useText(words);
  return (
    <ShownOnce
      title={t.secret}
      value={secret}
      warning={t.secretWarning}
      copy={t.copySecret}
      kept={t.kept}
      onClose={onClose}
    />
  );
}
