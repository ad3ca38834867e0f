import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";

/**
 * Whether somebody is looking at the chat: it is on screen, and this document has the focus or was just touched, scrolled
 * or pointed at. Only then are messages marked as read.
 */
export function watchAttention(onScreen: ReadonlySignal<boolean>): ReadonlySignal<boolean> {
  const pageVisible = signal(document.visibilityState === "visible");
  const here = signal(document.hasFocus());
  document.addEventListener("visibilitychange", () => {
    pageVisible.value = document.visibilityState === "visible";
    if (!pageVisible.value) here.value = false;
  });
  addEventListener("blur", () => (here.value = false));
  for (const sign of ["focus", "pointerdown", "pointermove", "wheel", "keydown"]) {
    addEventListener(sign, () => (here.value = true), { passive: true });
  }
  effect(() => {
    if (!onScreen.value) here.value = false;
    else if (document.hasFocus()) here.value = true;
  });
  return computed(() => onScreen.value && pageVisible.value && here.value);
}
