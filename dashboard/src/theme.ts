import { createTheme, type MantineThemeOverride, Modal, Notification } from "@mantine/core";

/** How everything looks. `close` is what closes a dialog or a note, for those who hear the page. */
export function makeTheme(close: string): MantineThemeOverride {
  const defaultProps = { closeButtonProps: { "aria-label": close } };
  return createTheme({
    ...LOOK,
    components: {
      Modal: Modal.extend({ defaultProps }),
      Notification: Notification.extend({ defaultProps }),
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
