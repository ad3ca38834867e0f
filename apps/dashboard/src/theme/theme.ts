import { createTheme, defaultVariantColorsResolver, type MantineColorsTuple } from "@mantine/core";

const accent: MantineColorsTuple = Array.from(
  { length: 10 },
  () => "var(--pz-accent)",
) as unknown as MantineColorsTuple;

/**
 * Mantine draws with the variables of theme.css; here is only what its components ask the theme object for.
 * `accent` is the company's colour, set by accent.ts.
 */
export const theme = createTheme({
  colors: { accent },
  primaryColor: "accent",
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  variantColorResolver: (input) => {
    const colors = defaultVariantColorsResolver(input);
    const onAccent = input.variant === "filled" && (input.color === undefined || input.color === "accent");
    return onAccent ? { ...colors, color: "var(--pz-on-accent)" } : colors;
  },
  // The page itself never scrolls, so nothing has to lock it (by a style element).
  components: {
    Tooltip: { defaultProps: { openDelay: 300, withArrow: false, transitionProps: { duration: 100 } } },
    Menu: { defaultProps: { transitionProps: { duration: 100 }, shadow: "md", position: "bottom-end" } },
    Modal: {
      defaultProps: {
        lockScroll: false,
        transitionProps: { duration: 120 },
        centered: true,
        overlayProps: { backgroundOpacity: 0.4 },
      },
    },
    Drawer: {
      defaultProps: { lockScroll: false, transitionProps: { duration: 120 }, overlayProps: { backgroundOpacity: 0.4 } },
    },
    Button: { defaultProps: { size: "sm" } },
    TextInput: { defaultProps: { size: "sm" } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray", size: 32 } },
  },
});
