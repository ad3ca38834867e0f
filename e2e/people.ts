// What customers and agents do in every journey.
import { expect, type Frame, type Page } from "@playwright/test";

export const demoKey = "demoshop00000000";
const admin = { email: "amara@demo.presszero.example", password: "press-zero-demo" };
/** May answer customers, and no more. */
export const agentLogin = { ...admin, email: "lena@demo.presszero.example" };

/** Opens the widget on the page, as a click on its launcher does (which lives in a closed shadow root). */
export async function openWidget(page: Page): Promise<Frame> {
  await page.waitForFunction(() => "PressZero" in window);
  await page.evaluate(() => (window as unknown as { PressZero: { open(): void } }).PressZero.open());
  const find = () => page.frames().find((frame) => frame.url().includes("/widget/frame.html"));
  await expect.poll(() => find() !== undefined).toBe(true);
  return find()!;
}

/** From the shop to the first message, consent included. */
export async function startChat(page: Page, text: string): Promise<Frame> {
  await page.goto("/demo/");
  const chat = await openWidget(page);
  await chat.getByRole("button", { name: "Agree and start chat" }).click();
  await say(chat, text);
  return chat;
}

export async function say(chat: Frame | Page, text: string): Promise<void> {
  const field = chat.getByRole("textbox", { name: /^Message to/ });
  await field.fill(text);
  await field.press("Enter");
}

export async function signIn(page: Page, login = admin): Promise<void> {
  await page.goto("/");
  await page.getByLabel("E-mail").fill(login.email);
  await page.getByLabel("Password", { exact: true }).fill(login.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("navigation", { name: "Main navigation" })).toBeVisible();
}

/** Opens the conversation whose newest message is `text`. */
export async function openConversation(page: Page, text: string): Promise<void> {
  await page
    .getByRole("tab", { name: /^Open/ })
    .or(page.getByRole("link", { name: /^Open/ }))
    .first()
    .click();
  await page.getByText(text).first().click();
  await expect(page.getByRole("textbox", { name: "Reply to the customer" })).toBeVisible();
}

/** Presses a key until `isThere` says that the focus has arrived. */
export async function pressUntil(page: Page, key: string, isThere: () => Promise<boolean>): Promise<void> {
  for (let pressed = 0; pressed < 60; pressed++) {
    await page.keyboard.press(key);
    if (await isThere()) return;
  }
  throw new Error(`Pressing ${key} does not lead there.`);
}

/**
 * Checks that nothing visible stands beyond the left or right edge. Strips that scroll by themselves and names that
 * end in an ellipsis may be wider than they show.
 */
export async function expectNothingSideways(page: Page | Frame): Promise<void> {
  const listBeyond = () => {
    const mayBeWider = (element: Element): boolean => {
      for (let at: Element | null = element; at && at !== document.body; at = at.parentElement) {
        const { overflowX, textOverflow, clip, clipPath, opacity, visibility } = getComputedStyle(at);
        if (at !== element && (overflowX === "auto" || overflowX === "scroll")) {
          // A box that scrolls downwards is given `auto` for both; only a strip is meant.
          if (at.scrollHeight <= at.clientHeight + 1) return true;
        }
        if (textOverflow === "ellipsis" || opacity === "0" || visibility === "hidden") return true;
        if (clip !== "auto" || clipPath !== "none") return true;
      }
      return false;
    };
    const { scrollWidth, clientWidth } = document.documentElement;
    const found = scrollWidth > clientWidth ? [`the page: ${scrollWidth} > ${clientWidth}`] : [];
    for (const element of document.body.querySelectorAll("*")) {
      const { left, right, width } = element.getBoundingClientRect();
      if (width === 0 || (left >= -1 && right <= clientWidth + 1) || mayBeWider(element)) continue;
      found.push(`${element.outerHTML.slice(0, 120)}: ${Math.round(left)} to ${Math.round(right)}`);
    }
    return found;
  };
  // Polled: a drawer may still be on its way in.
  await expect.poll(() => page.evaluate(listBeyond)).toEqual([]);
}

export async function reply(page: Page, text: string): Promise<void> {
  const field = page.getByRole("textbox", { name: "Reply to the customer" });
  await field.fill(text);
  await field.press("Enter");
}
