/** How near to the end counts as at the end, and how near to the beginning asks for older messages: px. */
const endSlack = 48;
const startDistance = 300;

export type Place = { atEnd: boolean; nearStart: boolean };

export type PlaceKeeper = {
  /** After the rows have changed: stays at the end, or keeps the first row on screen where it was. */
  settle: () => void;
  /** From now on the end is shown. */
  stick: () => void;
  toEnd: () => void;
  stop: () => void;
};

/**
 * Keeps a scrolled list in place while rows come in above and below it. Rows are the children of `rows` with a
 * `data-key`. The box has `overflow-anchor: none`, so that this is the only one who does so.
 */
export function keepPlace(box: HTMLElement, rows: HTMLElement, onChange: (place: Place) => void): PlaceKeeper {
  let place: Place = { atEnd: true, nearStart: false };
  let anchor: { key: string; top: number } | null = null;

  function look(): void {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < endSlack;
    const nearStart = box.scrollTop < startDistance;
    const first = [...rows.children].find(
      (row): row is HTMLElement =>
        row instanceof HTMLElement && row.dataset.key !== undefined && row.offsetTop + row.offsetHeight > box.scrollTop,
    );
    anchor = first ? { key: first.dataset.key!, top: first.offsetTop - box.scrollTop } : null;
    if (atEnd === place.atEnd && nearStart === place.nearStart) return;
    place = { atEnd, nearStart };
    onChange(place);
  }

  function showEnd(behavior: ScrollBehavior): void {
    box.scrollTo({ top: box.scrollHeight, behavior });
  }

  function settle(): void {
    if (place.atEnd) showEnd("instant");
    else if (anchor) {
      const row = rows.querySelector<HTMLElement>(`[data-key="${CSS.escape(anchor.key)}"]`);
      if (row) box.scrollTop = row.offsetTop - anchor.top;
    }
    look();
  }

  // The box shrinks when the composer grows or the keyboard comes; pictures of a font arrive late.
  const observer = new ResizeObserver(() => {
    if (place.atEnd) showEnd("instant");
  });
  observer.observe(box);
  observer.observe(rows);
  box.addEventListener("scroll", look, { passive: true });

  return {
    settle,
    stick: () => {
      if (place.atEnd) return;
      place = { ...place, atEnd: true };
      onChange(place);
    },
    toEnd: () => {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const far = box.scrollHeight - box.scrollTop > 4 * box.clientHeight;
      showEnd(calm || far ? "instant" : "smooth");
    },
    stop: () => {
      observer.disconnect();
      box.removeEventListener("scroll", look);
    },
  };
}
