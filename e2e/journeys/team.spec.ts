import { expect, test } from "../fixtures.ts";
import { signIn } from "../people.ts";

test("an invited person joins the team", async ({ agent, customer: invited }) => {
  await signIn(agent);
  await agent.goto("/team");
  await agent.getByRole("button", { name: "Invite" }).click();
  await agent.getByLabel("E-mail").fill("zaynab@demo.presszero.example");
  await agent.getByRole("button", { name: "Send invitation" }).click();
  const link = await agent.getByRole("group", { name: "Link of the invitation" }).locator("pre").textContent();
  await agent.getByRole("button", { name: "Done" }).click();
  await expect(agent.getByText("zaynab@demo.presszero.example", { exact: true })).toBeVisible();

  await invited.goto(link!);
  await invited.getByLabel("Your name").fill("زينب الحسن");
  const password = invited.getByLabel("Password", { exact: true });
  await password.fill("short");
  await invited.getByRole("button", { name: "Join" }).click();
  await expect(invited.getByText("Use at least 10 characters")).toBeVisible();
  await password.fill("a-much-longer-one");
  await invited.getByRole("button", { name: "Join" }).click();
  await expect(invited.getByRole("navigation", { name: "Main navigation" })).toBeVisible();
  await expect(invited.getByText("Hello. I need to reserve a flight.").first()).toBeVisible();

  await agent.reload();
  await expect(agent.getByText("زينب الحسن", { exact: true })).toBeVisible();
  await expect(agent.getByText("There are no open invitations.")).toBeVisible();

  // The link has done its work.
  await invited.goto("/sign-in");
  await invited.goto(link!);
  await invited.getByLabel("Your name").fill("Somebody else");
  await password.fill("a-much-longer-one");
  await invited.getByRole("button", { name: "Join" }).click();
  await expect(invited.getByRole("heading", { name: "This invitation does not work any more" })).toBeVisible();
});
