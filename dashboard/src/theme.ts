import { createTheme, type MantineThemeOverride } from "@mantine/core";

/** How everything looks. `close` is what closes a dialog or a note, for those who hear the page. */
export function makeTheme(close: string): MantineThemeOverride {
  const defaultProps = { closeButtonProps: { "aria-label": close } };
  return createTheme({
    ...LOOK,
    // By name: the code of dialogs is not needed before there is one.
    components: {
      // As large as the text of tables.
      Anchor: { defaultProps: { size: "sm" } },
      Modal: { defaultProps },
      // The element is a header; outside the page's own parts it would count as that of the page.
      ModalHeader: { defaultProps: { role: "presentation" } },
      Notification: { defaultProps },
    },
  });
}

const LOOK: MantineThemeOverride = {
  primaryColor: "cyan",
  // Dark enough for white words on it.
  primaryShade: { light: 9, dark: 9 },
  autoContrast: true,
  defaultRadius: "sm",
  cursorType: "pointer",
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", ' +
    '"PingFang SC", "Microsoft YaHei", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  respectReducedMotion: true,
};
