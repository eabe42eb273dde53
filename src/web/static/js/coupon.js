// The page behind a coupon's QR code. The code is in the fragment of the address, which browsers send to nobody. It is shown here,
// and handed to the merchant's form as a fragment again.

const CODE = /^[0-9A-HJKMNP-TV-Z]{16}[0-9A-HJKMNP-Z*~$=]$/;

/** The code in the address as people read it, or "" if there is none. */
function codeInAddress() {
  let text = location.hash;
  try {
    text = decodeURIComponent(text);
  } catch {
    // A stray percent sign: not a code, which the pattern finds out.
  }
  const code = text.toUpperCase().replace(/[#\s-]/g, "");
  return CODE.test(code) ? code.match(/.{1,4}/g).join("-") : "";
}

function showCoupon(place) {
  const code = codeInAddress();
  place.hidden = !code;
  place.querySelector("code").textContent = code;
  for (const till of document.querySelectorAll("[data-till]")) till.hash = code;
}

export function startCoupon() {
  const place = document.querySelector("[data-coupon]");
  if (place) {
    showCoupon(place);
    addEventListener("hashchange", () => showCoupon(place));
  }
  const field = document.querySelector("[data-takes-coupon]");
  if (field && !field.value) field.value = codeInAddress();
}
