import type { WidgetSettings } from "@presszero/contracts";
import { createApi, deleteStorage, newUuid, openStorage, type DeviceStorage } from "@presszero/sdk";

/** A customer without registration who has agreed to the terms of `consentVersion`. */
export type Guest = {
  token: string;
  consentVersion: string;
  /** The account of the guest's storage: a later guest of this browser is another person to us, with another device. */
  account: string;
};

/** Everything that a running chat of a guest needs. `remembered` is false when this browser lets us store nothing. */
export type GuestSession = { guest: Guest; storage: DeviceStorage; remembered: boolean };

const keyOf = (widgetKey: string) => `presszero:guest:${widgetKey}`;

/** The guest of this browser, or null: nobody has agreed here yet, not to these terms, or storage is blocked. */
export function findGuest({ widgetKey, consent }: WidgetSettings): Guest | null {
  const guest = readGuest(widgetKey);
  return guest?.consentVersion === consent.version ? guest : null;
}

function readGuest(widgetKey: string): Guest | null {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(keyOf(widgetKey)) ?? "null");
    if (typeof stored !== "object" || stored === null) return null;
    const { token, consentVersion, account } = stored as Partial<Guest>;
    if (typeof token !== "string" || typeof consentVersion !== "string" || typeof account !== "string") return null;
    return { token, consentVersion, account };
  } catch {
    return null;
  }
}

function rememberGuest(widgetKey: string, guest: Guest): boolean {
  forgetGuest(widgetKey);
  try {
    localStorage.setItem(keyOf(widgetKey), JSON.stringify(guest));
    return true;
  } catch {
    return false;
  }
}

/** With everything that this browser holds of the guest. */
export function forgetGuest(widgetKey: string): void {
  const guest = readGuest(widgetKey);
  if (guest !== null) void deleteStorage(guest.account);
  try {
    localStorage.removeItem(keyOf(widgetKey));
  } catch {
    // Nothing was stored either.
  }
}

/** Takes up the chat of a guest who agreed earlier. */
export async function resumeGuest(guest: Guest): Promise<GuestSession> {
  return { guest, storage: await openStorage(guest.account), remembered: true };
}

/** Records the consent and creates the guest. Before this call nothing is stored on the device. Throws `ApiError`. */
export async function createGuest(settings: WidgetSettings, locale: string, name: string): Promise<GuestSession> {
  const { widgetKey, consent } = settings;
  const account = `guest:${widgetKey}:${newUuid()}`;
  const storage = await openStorage(account);
  try {
    const { token } = await createApi({ baseUrl: location.origin })("POST /v1/widgets/:widgetKey/guests", {
      params: { widgetKey },
      body: { deviceId: storage.deviceId, consent: { version: consent.version, locale }, ...(name && { name }) },
    });
    const guest = { token, consentVersion: consent.version, account };
    return { guest, storage, remembered: rememberGuest(widgetKey, guest) };
  } catch (cause) {
    storage.close();
    void deleteStorage(account);
    throw cause;
  }
}
