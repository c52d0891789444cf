// The form in which a visitor says how to reach them. It is loaded where the channel's `lead_form` wants one, and
// brings its own texts and looks, so that nobody else loads them.

const CARD = 'M3 5h18v14H3zM7 10h4M7 14h10M15 10h2';

const en = {
  open: 'Leave your contact details',
  contact_name: 'Name',
  contact_email: 'Email',
  contact_phone: 'Phone',
  message: 'Message',
  send: 'Send',
  check: 'Please check:',
  later: 'This did not work. Please try again later.',
};

/** @type {Record<string, typeof en>} */
const TEXTS = {
  en,
  de: {
    open: 'Kontaktdaten hinterlassen',
    contact_name: 'Name',
    contact_email: 'E-Mail',
    contact_phone: 'Telefon',
    message: 'Nachricht',
    send: 'Senden',
    check: 'Bitte prüfen:',
    later: 'Das hat nicht geklappt. Bitte später noch einmal versuchen.',
  },
  es: {
    open: 'Dejar sus datos de contacto',
    contact_name: 'Nombre',
    contact_email: 'Correo electrónico',
    contact_phone: 'Teléfono',
    message: 'Mensaje',
    send: 'Enviar',
    check: 'Revise:',
    later: 'No ha funcionado. Inténtelo de nuevo más tarde.',
  },
};

/** The fields by their names on the wire, with what browsers know to fill in. */
const FIELDS = {
  contact_name: { type: 'text', autocomplete: 'name', maxLength: 320 },
  contact_email: { type: 'email', autocomplete: 'email', maxLength: 320 },
  contact_phone: { type: 'tel', autocomplete: 'tel', maxLength: 320 },
  message: { rows: 3, maxLength: 4000 },
};

const SHEET = `
.lead { flex-direction: column; align-items: stretch; min-height: 0; flex-shrink: 1; overflow-y: auto; }
.lead label { font-size: 13px; flex: none; }
.lead :is(input, textarea) { display: block; width: 100%; height: auto; padding: 9px 14px; border: 0; border-radius: 14px;
  background: var(--raised); box-shadow: inset 0 0 0 1px var(--line); color: inherit; font: inherit; font-size: 16px; }
.lead :is(input, textarea):focus { outline: none; box-shadow: inset 0 0 0 2px var(--accent); }
.lead [aria-invalid=true] { box-shadow: inset 0 0 0 2px var(--bad); }
.lead p { margin: 0; font-size: 13px; color: var(--bad); }
.lead button { flex: none; padding: 11px; border-radius: 22px; background: var(--accent); color: var(--ink); font-weight: 600; }
.lead button:disabled { opacity: .35; }
@media (forced-colors: active) { .lead :is(input, textarea, button) { border: 1px solid; } }
`;

/**
 * @param {ShadowRoot} root
 * @param {string} lang
 * @param {boolean} begins whether the form comes before anything else
 * @param {typeof import('./widget/markup.js').h} h
 * @param {typeof import('./widget/markup.js').icon} icon
 * @param {(form: object, key: string) => Promise<Response>} hand
 */
export function addLeadForm(root, lang, begins, h, icon, hand) {
  const header = /** @type {HTMLElement} */ (root.querySelector('header'));
  const composer = /** @type {HTMLElement} */ (root.querySelector('form'));
  const texts = TEXTS[lang] ?? en;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];

  const labels = Object.entries(FIELDS).map(([name, more]) => {
    const input = h('type' in more ? 'input' : 'textarea', { name, dir: 'auto', ...more });
    return h('label', {}, texts[/** @type {keyof typeof en} */ (name)], input);
  });
  const problem = h('p', { role: 'alert', id: 'problem' });
  const send = /** @type {HTMLButtonElement} */ (h('button', { type: 'submit' }, texts.send));
  const form = /** @type {HTMLFormElement} */ (
    h('form.lead', { noValidate: true, hidden: true, 'aria-label': texts.open }, ...labels, problem, send)
  );
  const toggle = h(
    'button.round',
    { title: texts.open, 'aria-label': texts.open, 'aria-expanded': 'false', onclick: () => show(form.hidden) },
    icon(CARD),
  );
  const inputs = /** @type {HTMLInputElement[]} */ (labels.map((label) => label.lastElementChild));

  /** @param {boolean} shown @param {boolean} [focus] whether the visitor is here */
  function show(shown, focus = true) {
    form.hidden = !shown;
    composer.hidden = shown;
    toggle.ariaExpanded = String(shown);
    if (focus) (shown ? inputs[0] : composer.querySelector('textarea'))?.focus({ preventScroll: true });
  }

  // What is tried again unchanged is the same form to the server.
  let handed = { form: '', key: '' };
  async function submit() {
    const filled = Object.fromEntries(inputs.map(({ name, value }) => [name, value]));
    const text = JSON.stringify(filled);
    if (handed.form !== text) handed = { form: text, key: String(Math.random()).slice(2) + Date.now() };
    const answer = await hand(filled, handed.key);
    /** @type {{error?: {details?: {field: string}[]}}} */
    const { error } = await answer.json();
    const refused = (error?.details ?? []).map(({ field }) => field);
    const wrong = inputs.filter(({ name }) => refused.includes(name));
    for (const input of inputs) {
      input.ariaInvalid = String(wrong.includes(input));
      input.setAttribute('aria-describedby', wrong.includes(input) ? 'problem' : '');
    }
    if (answer.ok) {
      form.reset();
      show(false);
    } else if (wrong[0]) {
      problem.textContent = `${texts.check} ${wrong.map((input) => input.parentElement?.textContent).join(', ')}`;
      wrong[0].focus();
    } else {
      throw Error();
    }
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.textContent = '';
    send.disabled = true;
    await submit().catch(() => (problem.textContent = texts.later));
    send.disabled = false;
  });

  header.insertBefore(toggle, header.lastElementChild);
  composer.before(form);
  const { activeElement } = root;
  if (begins) show(true, composer.contains(activeElement));
}
