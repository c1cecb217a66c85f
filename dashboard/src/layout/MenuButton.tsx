import { type ReactElement, type ReactNode, Suspense, useState } from "react";
import { Guard } from "../components/Guard";

/** What a button gets that opens a menu. */
export interface OpenerProps {
  "aria-haspopup": "menu";
  "aria-expanded": boolean;
  autoFocus?: boolean;
  onClick?: () => void;
}

/** Of a menu that is fetched when it is wanted. */
export interface MenuProps {
  readonly button: ReactElement;
}

interface Props {
  /** Lazily loaded: the code of menus is much of what the first view may need in sum. */
  menu: (button: ReactElement) => ReactNode;
  button: (props: OpenerProps) => ReactElement;
}

const CLOSED: OpenerProps = { "aria-haspopup": "menu", "aria-expanded": false };

/** A button whose menu is fetched, and opened, when the button is first pressed. */
export function MenuButton({ menu, button }: Props) {
  const [wanted, setWanted] = useState(false);
  if (!wanted) return button({ ...CLOSED, onClick: () => setWanted(true) });
  // It is another button in the menu: it takes the focus of the one before it.
  const focused = button({ ...CLOSED, autoFocus: true });
  return (
    <Guard>
      <Suspense fallback={focused}>{menu(focused)}</Suspense>
    </Guard>
  );
}
