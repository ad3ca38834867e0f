/** 24 px line icons in the colour of the text around them. Decorative: the control or the text beside them has the name. */
function icon(path: string, className = "") {
  return function Icon() {
    return (
      <svg class={`icon ${className}`} viewBox="0 0 24 24" aria-hidden="true">
        <path d={path} />
      </svg>
    );
  };
}

export const BackIcon = icon("M14.5 5.5 8 12l6.5 6.5", "mirrored");
export const CloseIcon = icon("m6 6 12 12M18 6 6 18");
export const SendIcon = icon("M12 19V6m-6 5.5L12 5.5l6 6");
export const EndIcon = icon("M7 12.5l3.5 3.5L17.5 9M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z");
export const DownIcon = icon("M12 5v13m-6-5.5 6 6 6-6");
export const WarningIcon = icon("M12 8v5m0 3.2v.1M12 3.5 2.8 19.5h18.4Z");
export const LockIcon = icon("M7.5 10.5V8a4.5 4.5 0 0 1 9 0v2.5m-10.5 0h12v9h-12Z");
export const NewIcon = icon("M12 5v14M5 12h14");

export const SendingIcon = icon("M12 7v5l3 2M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Z", "tick");
export const SentIcon = icon("m6 12.5 4 4 8-9", "tick");
export const DeliveredIcon = icon("m2.5 12.5 4 4 8-9m-2.5 7.5 1.5 1.5 8-9", "tick");
