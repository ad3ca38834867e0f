import { AxeBuilder } from "@axe-core/playwright";
import { type BrowserContext, test as base, expect, type Page } from "@playwright/test";
import { type Product, startProduct } from "./product.ts";

type Fixtures = {
  /** The customer's browser: cookies and storage of its own. */
  customer: Page;
  /** The agent's browser. */
  agent: Page;
};

/** Journeys of one file share a running product; each gets two fresh browsers, one for each side. */
export const test = base.extend<Fixtures, { product: Product }>({
  product: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures' names from this pattern
    async ({}, use) => {
      const product = await startProduct();
      await use(product);
      await product.close();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  baseURL: async ({ product }, use) => use(product.url),
  customer: async ({ browser, baseURL }, use) => usePage(await browser.newContext({ baseURL }), use),
  agent: async ({ browser, baseURL }, use) =>
    usePage(await browser.newContext({ baseURL, viewport: { width: 1440, height: 900 } }), use),
});

/** Errors that nobody caught in the page, and what the content security policy refused, fail the journey. */
async function usePage(context: BrowserContext, use: (page: Page) => Promise<void>): Promise<void> {
  const page = await context.newPage();
  const errors: Error[] = [];
  page.on("pageerror", (error) => errors.push(error));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) errors.push(new Error(message.text()));
  });
  await use(page);
  await context.close();
  expect(errors).toEqual([]);
}

/** Checks what is on the screen against WCAG 2.2 AA, frames included. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    .analyze();
  const found = violations.map(({ id, help, nodes }) => ({ id, help, at: nodes.map((node) => node.html) }));
  expect(found).toEqual([]);
}

export { expect };
