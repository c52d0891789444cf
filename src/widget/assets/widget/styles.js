// The widget's looks. They live in a constructed sheet, which a strict `style-src` allows, inside the shadow root,
// where the page's own styles do not reach.

const SHEET = `
:host {
  all: initial;
  --accent: #3457d5; --ink: #fff;
  --surface: #fff; --raised: #f1f3f6; --text: #191c22; --muted: #646b78; --line: #e2e5ea; --bad: #b3261e;
  --shade: 0 18px 56px rgb(16 24 40 / .22), 0 0 0 1px rgb(16 24 40 / .06);
  color-scheme: light dark;
  font: 15px/1.45 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) { :host {
  --surface: #16181d; --raised: #23262d; --text: #eceef2; --muted: #9aa1ad; --line: #31353e; --bad: #ff8a80;
  --shade: 0 18px 56px rgb(0 0 0 / .55), 0 0 0 1px rgb(255 255 255 / .07); } }
*, ::before, ::after { box-sizing: border-box; }
button, textarea { font: inherit; color: inherit; margin: 0; }
button { cursor: pointer; border: 0; background: none; padding: 0; }
button:disabled { cursor: default; }
svg { width: 24px; height: 24px; fill: none; stroke: currentColor; stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round; flex: none; display: block; }
:focus-visible { outline: 2px solid var(--text); outline-offset: 2px; }
[hidden] { display: none !important; }
.sr { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.launcher { position: fixed; z-index: 2147483000; bottom: calc(20px + env(safe-area-inset-bottom)); right: 20px;
  width: 60px; height: 60px; border-radius: 50%; display: grid; place-items: center;
  background: var(--accent); color: var(--ink);
  box-shadow: 0 6px 24px rgb(16 24 40 / .3); }
.launcher:hover { transform: scale(1.06); }
.badge { position: absolute; top: -3px; right: -3px; min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px;
  background: #d92d20; color: #fff; font-size: 12px; font-weight: 600; line-height: 22px; text-align: center; }
:host([data-position*=left]) .launcher { right: auto; left: 20px; }

.panel { position: fixed; z-index: 2147483001; right: 20px; bottom: calc(96px + env(safe-area-inset-bottom));
  width: min(400px, 100vw - 40px); height: min(660px, 100dvh - 116px);
  display: flex; flex-direction: column; overflow: hidden; border-radius: 18px;
  background: var(--surface); color: var(--text); box-shadow: var(--shade); animation: arrive .2s ease-out; }
.panel:focus { outline: none; }
:host([data-position*=left]) .panel { right: auto; left: 20px; }
:host([data-mode=page]) .panel { inset: 0; width: auto; height: auto; border-radius: 0; box-shadow: none; animation: none; }

header { display: flex; align-items: center; gap: 12px; padding: 14px 12px 14px 18px; flex: none;
  padding-top: calc(14px + env(safe-area-inset-top)); background: var(--accent); color: var(--ink); }
.avatar { width: 40px; height: 40px; border-radius: 50%; display: grid; place-items: center; flex: none;
  background: color-mix(in srgb, var(--ink) 18%, transparent); font-weight: 600; font-size: 17px; }
.who { flex: 1; min-width: 0; }
.who h2 { margin: 0; font-size: 16px; font-weight: 600; line-height: 1.3; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.who p { margin: 0; font-size: 13px; line-height: 1.35; display: flex; align-items: center; gap: 6px; }
.who p::before { content: ''; width: 8px; height: 8px; border-radius: 50%; background: #f5b83d; flex: none; }
.who p[data-state=online]::before { background: #3ecf7a; }
.who p[data-state=refused]::before { background: #ff8a80; }
.round { width: 40px; height: 40px; border-radius: 50%; display: grid; place-items: center; flex: none; }
header .round:hover { background: color-mix(in srgb, var(--ink) 16%, transparent); }
header :focus-visible { outline-color: var(--ink); }

.log { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px 8px;
  display: flex; flex-direction: column; }
.log:focus-visible { outline-offset: -3px; }
.log > :first-child { margin-top: auto; }
.greeting { margin: auto; padding: 24px; text-align: center; font-size: 17px; }
.day { align-self: center; margin: 14px 0 10px; font-size: 12px; font-weight: 500; color: var(--muted); }

.item { display: flex; flex-direction: column; align-items: flex-start; max-width: 86%; margin-top: 3px; flex: none; }
.item.first { margin-top: 12px; }
.item.mine { align-self: flex-end; align-items: flex-end; }
.item.fresh { animation: arrive .2s ease-out; }
.author { font-size: 12px; color: var(--muted); margin: 0 0 3px 12px; }
.bubble { padding: 9px 14px; border-radius: 6px 18px 18px 6px; background: var(--raised); max-width: 100%;
  overflow-wrap: anywhere; }
.first .bubble { border-top-left-radius: 18px; }
.mine .bubble { background: var(--accent); color: var(--ink); white-space: pre-wrap; border-radius: 18px 6px 6px 18px; }
.mine.first .bubble { border-top-right-radius: 18px; }
.waiting .bubble { opacity: .72; }
.refused .bubble { background: none; color: var(--text); box-shadow: inset 0 0 0 1.5px var(--bad); }
.note { align-self: center; max-width: 90%; margin: 8px 0; font-size: 13px; color: var(--muted); text-align: center; }
.bubble > :first-child { margin-top: 0; } .bubble > :last-child { margin-bottom: 0; }
.bubble p { margin: 0 0 .6em; }
.bubble ul, .bubble ol { margin: 0 0 .6em; padding-inline-start: 1.4em; }
.bubble a { color: inherit; text-decoration: underline; }
.bubble code, pre { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; padding: 0 .35em; border-radius: 5px;
  background: color-mix(in srgb, var(--text) 9%, transparent); }
pre { margin: 0 0 .6em; padding: .6em; overflow-x: auto; }
.bubble small { font-size: 12.5px; color: var(--muted); display: block; }
.meta { font-size: 11.5px; color: var(--muted); margin: 3px 6px 0; display: flex; align-items: center; gap: 4px; }
.meta svg { width: 14px; height: 14px; }
.meta.bad { color: var(--bad); gap: 8px; font-size: 12.5px; }
.meta button { text-decoration: underline; padding: 3px 0; }

.options { display: flex; flex-direction: column; gap: 6px; margin: 8px 0 4px; }
.bubble .option, .list > summary { padding: 9px 14px; border-radius: 12px; font-weight: 500;
  background: var(--surface); box-shadow: inset 0 0 0 1px var(--line); }
.bubble .option { display: block; width: 100%; text-align: center; color: var(--text); text-decoration: none; }
.bubble a.option { margin: 8px 0 4px; }
.option:not(:disabled):hover { background: color-mix(in srgb, var(--accent) 10%, var(--surface)); box-shadow: inset 0 0 0 1.5px var(--accent); }
.option:disabled { opacity: .6; }
.option[aria-pressed=true] { opacity: 1; background: var(--accent); color: var(--ink); }
.option small { font-weight: 400; }
details { margin: 8px 0 2px; }
summary { cursor: pointer; font-weight: 500; }
.sources { font-size: 13px; border-top: 1px solid var(--line); padding-top: 7px; min-width: 180px; }
.sources summary { color: var(--muted); }
.sources ol { margin: 6px 0 0; }
.sources a { display: block; padding: 4px 0; }
.picture { display: block; margin: 0 0 .6em; }
.picture img { display: block; max-width: 100%; max-height: 300px; border-radius: 10px; }
audio, video { display: block; max-width: 100%; width: 280px; border-radius: 10px; margin: 0 0 .6em; }
.bubble .file { display: flex; gap: 10px; align-items: center; margin: 0 0 .6em; text-decoration: none; }

.dots { display: flex; gap: 5px; padding: 7px 2px; }
.dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--muted); animation: dot 1.2s infinite ease-in-out; }
.dots i:nth-child(2) { animation-delay: .15s; } .dots i:nth-child(3) { animation-delay: .3s; }

.newer { position: absolute; bottom: 84px; left: 50%; transform: translateX(-50%); padding: 7px 15px; border-radius: 20px;
  background: var(--text); color: var(--surface); font-size: 13px; font-weight: 500; box-shadow: var(--shade); }
.banner { flex: none; padding: 8px 16px; font-size: 13px; text-align: center; background: var(--raised);
  animation: arrive .2s 1s backwards; }
form { flex: none; display: flex; align-items: flex-end; gap: 8px; margin: 0; padding: 10px 12px;
  padding-bottom: calc(12px + env(safe-area-inset-bottom)); }
.field { flex: 1; min-width: 0; display: flex; border-radius: 22px; background: var(--raised); box-shadow: inset 0 0 0 1px var(--line); }
.field:focus-within { box-shadow: inset 0 0 0 2px var(--accent); }
textarea { flex: 1; min-width: 0; height: 44px; max-height: 140px; padding: 11px 16px; border: 0; background: none; resize: none;
  font-size: 16px; line-height: 22px; }
textarea:focus { outline: none; }
textarea::placeholder { color: var(--muted); opacity: 1; }
.send { width: 44px; height: 44px; background: var(--accent); color: var(--ink); }
.send:disabled { opacity: .35; }
:host([data-mode=page]) :is(.log, form, .banner) { padding-inline: max(16px, calc(50% - 380px)); }
:host([data-mode=page]) header { padding-inline: max(18px, calc(50% - 380px)); }

@keyframes arrive { from { opacity: 0; transform: translateY(8px); } }
@keyframes dot { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; transform: translateY(-3px); } }
@media (max-width: 520px), (max-height: 480px) {
  .panel:not([hidden]) ~ .launcher { display: none; }
  .panel, :host([data-position*=left]) .panel { inset: 0; width: auto; height: auto; border-radius: 0; }
}
@media (prefers-reduced-motion: reduce) { *, ::before { animation: none !important; } }
@media (forced-colors: active) { .panel, .bubble, .option, .field, .launcher, .send { border: 1px solid; } }
`;

/** @type {CSSStyleSheet | undefined} */
let shared;

/** @param {ShadowRoot} root */
export function dress(root) {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(SHEET);
  }
  root.adoptedStyleSheets = [shared];
}

/**
 * Gives the element its colour, and text on it that can be read.
 * @param {HTMLElement} host
 * @param {string | undefined} color any CSS colour
 */
export function tint(host, color) {
  if (!color || !CSS.supports('color', color)) return;
  host.style.setProperty('--accent', color);
  host.style.color = color;
  const [red = 0, green = 0, blue = 0] = getComputedStyle(host).color.match(/[\d.]+/g)?.map(Number) ?? [];
  host.style.color = '';
  // White as long as it can be read on the colour, which eyes prefer on saturated ones.
  const light = 0.2126 * (red / 255) ** 2.2 + 0.7152 * (green / 255) ** 2.2 + 0.0722 * (blue / 255) ** 2.2;
  host.style.setProperty('--ink', light < 0.21 ? '#fff' : '#14161a');
}
