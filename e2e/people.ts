// What customers and agents do in every journey.
import { expect, type Frame, type Page } from "@playwright/test";

export const demoKey = "demoshop00000000";
const admin = { email: "amara@demo.presszero.example", password: "press-zero-demo" };

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

export async function signIn(page: Page): Promise<void> {
  await page.goto("/");
  await page.getByLabel("E-mail").fill(admin.email);
  await page.getByLabel("Password", { exact: true }).fill(admin.password);
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

export async function reply(page: Page, text: string): Promise<void> {
  const field = page.getByRole("textbox", { name: "Reply to the customer" });
  await field.fill(text);
  await field.press("Enter");
}
