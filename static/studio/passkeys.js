/* Passkeys: the browser's own dialog answers for a form. The challenge is in the page, or is requested. */
const hasName = !/^[\d.]+$|\[/.test(location.hostname); // browsers keep passkeys for names, never for bare addresses
const canDo = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON) && window.isSecureContext && hasName;

const questionOf = async (form) => {
  if (!form.dataset.ask) return JSON.parse(document.getElementById("passkey-question").textContent);
  const answer = await fetch(form.dataset.ask, { headers: { Accept: "application/json" } });
  return answer.json();
};

const create = async (question) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(question.creation_options.publicKey);
  publicKey.authenticatorSelection = {
    ...publicKey.authenticatorSelection,
    residentKey: "required",
    requireResidentKey: true,
    userVerification: "required",
  };
  return navigator.credentials.create({ publicKey });
};

const get = async (question) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(question.request_options.publicKey);
  return navigator.credentials.get({ publicKey });
};

const say = (form, sentence) => {
  const place = form.querySelector("[data-error]");
  place.textContent = sentence;
  place.hidden = !sentence;
};

const answer = async (form) => {
  say(form, "");
  try {
    const question = await questionOf(form);
    const credential = await (form.dataset.passkey === "create" ? create(question) : get(question));
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    const isKnown = error.name === "InvalidStateError";
    say(form, isKnown ? "This device has a passkey here already." : "No passkey was used. You can try again.");
  }
};

for (const form of canDo ? document.querySelectorAll("[data-passkey]") : []) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(form);
  });
}
for (const sentence of canDo ? document.querySelectorAll("[data-no-passkeys]") : []) sentence.hidden = true;
