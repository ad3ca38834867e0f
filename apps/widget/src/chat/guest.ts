import type { WidgetSettings } from "@presszero/contracts";
import { createApi, openStorage, type DeviceStorage } from "@presszero/sdk";

/** A customer without registration who has agreed to the terms of `consentVersion`. */
export type Guest = { token: string; consentVersion: string };

/** Everything that a running chat of a guest needs. `remembered` is false when this browser lets us store nothing. */
export type GuestSession = { guest: Guest; storage: DeviceStorage; remembered: boolean };

const keyOf = (widgetKey: string) => `presszero:guest:${widgetKey}`;
const openGuestStorage = (widgetKey: string) => openStorage(`guest:${widgetKey}`);

/** The guest of this browser, or null: nobody has agreed here yet, not to these terms, or storage is blocked. */
export function findGuest(settings: WidgetSettings): Guest | null {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(keyOf(settings.widgetKey)) ?? "null");
    if (typeof stored !== "object" || stored === null) return null;
    const { token, consentVersion } = stored as Partial<Guest>;
    return typeof token === "string" && consentVersion === settings.consent.version ? { token, consentVersion } : null;
  } catch {
    return null;
  }
}

function rememberGuest(widgetKey: string, guest: Guest): boolean {
  try {
    localStorage.setItem(keyOf(widgetKey), JSON.stringify(guest));
    return true;
  } catch {
    return false;
  }
}

export function forgetGuest(widgetKey: string): void {
  try {
    localStorage.removeItem(keyOf(widgetKey));
  } catch {
    // Nothing was stored either.
  }
}

/** Takes up the chat of a guest who agreed earlier. */
export async function resumeGuest(settings: WidgetSettings, guest: Guest): Promise<GuestSession> {
  return { guest, storage: await openGuestStorage(settings.widgetKey), remembered: true };
}

/** Records the consent and creates the guest. Before this call nothing is stored on the device. Throws `ApiError`. */
export async function createGuest(settings: WidgetSettings, locale: string, name: string): Promise<GuestSession> {
  const { widgetKey, consent } = settings;
  const storage = await openGuestStorage(widgetKey);
  try {
    const { token } = await createApi({ baseUrl: location.origin })("POST /v1/widgets/:widgetKey/guests", {
      params: { widgetKey },
      body: { deviceId: storage.deviceId, consent: { version: consent.version, locale }, ...(name && { name }) },
    });
    const guest = { token, consentVersion: consent.version };
    return { guest, storage, remembered: rememberGuest(widgetKey, guest) };
  } catch (cause) {
    storage.close();
    throw cause;
  }
}
