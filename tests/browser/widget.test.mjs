// The widget in a real browser against a real gateway: what a visitor sees and what they must never see.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startBrowser, startGateway, startHostPage, tapSocket } from './support.mjs';

/** @type {import('./support.mjs').Gateway} */
let gateway;
/** @type {Awaited<ReturnType<typeof startHostPage>>} */
let host;
/** @type {import('playwright-core').Browser} */
let browser;
/** @type {import('playwright-core').BrowserContext[]} */
const contexts = [];
/** @type {string[]} */
let complaints = [];

before(async () => {
  gateway = await startGateway();
  host = await startHostPage(gateway);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await host?.close();
  await gateway?.close();
});

afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  const found = complaints;
  complaints = [];
  assert.deepEqual(found, [], 'errors or policy violations in the page');
});

/** @param {import('playwright-core').BrowserContextOptions} [options] */
async function visitor(options) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options });
  contexts.push(context);
  const tap = await tapSocket(context);
  context.on('page', (page) => {
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`));
    page.on('console', (line) => /Content Security Policy/i.test(line.text()) && complaints.push(line.text()));
  });
  const page = await context.newPage();
  await page.goto(host.url);
  return { context, tap, page };
}

/** @typedef {import('playwright-core').Page} Page */

const launcher = (/** @type {Page} */ page) => page.getByRole('button', { name: 'Open chat' });
const input = (/** @type {Page} */ page) => page.getByRole('textbox', { name: 'Write a message' });
const own = (/** @type {Page} */ page, /** @type {string} */ text) =>
  page.locator('.item.mine').filter({ hasText: text });
const answers = (/** @type {Page} */ page) => page.locator('.item:not(.mine):not(:has(.dots)):not(.draft)');

/** @param {Page} page @param {string} text */
async function say(page, text) {
  await input(page).fill(text);
  await input(page).press('Enter');
}

/**
 * Waits until the agent has said something of substance; what it says depends on its documents.
 * @param {Page} page
 */
async function answered(page) {
  await answers(page).first().waitFor();
  assert.match(await answers(page).first().innerText(), /\p{L}{2,}/u, 'the answer has words');
}

/** @param {Page} page */
async function open(page) {
  await launcher(page).click();
  await page.getByText('Online', { exact: true }).waitFor();
}

/**
 * @param {object} content
 * @param {object} [more]
 */
const outbound = (content, more) => ({
  type: 'message',
  message: {
    id: `injected-${Math.random()}`,
    seq: 1_000_000,
    direction: 'outbound',
    author: { kind: 'agent', name: 'Ada' },
    content,
    body: '',
    attachments: [],
    status: 'sent',
    created_at: Date.now(),
    ...more,
  },
});

describe('size', () => {
  test('the whole script is below 15 kB compressed', async () => {
    const answer = await fetch(`${gateway.url}/widget.js`, { headers: { 'accept-encoding': 'identity' } });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/javascript/);
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    const script = await answer.text();
    assert.ok(gzipSync(script, { level: 9 }).length < 15_000, `${gzipSync(script, { level: 9 }).length} bytes`);
  });
});

describe('signed-in users', () => {
  test('a session names the user, and the next one at the browser is nobody', async () => {
    const { page } = await visitor();
    await page.route('**/api/widget/sessions', (route) =>
      route.fulfill({ status: 403, json: {}, headers: { 'access-control-allow-origin': '*' } }),
    );
    const chat = (/** @type {Record<string, string>} */ data) =>
      page.evaluate((data) => {
        document.querySelector('switchboard-chat')?.remove();
        const prefix = `switchboard:${new URL(data.host ?? '').host}:${data.channel}:`;
        const element = document.createElement('switchboard-chat');
        Object.assign(element.dataset, { ...data, mode: 'page' });
        document.body.append(element);
        const kept = localStorage[`${prefix}token`];
        localStorage[`${prefix}token`] = '"a token"';
        return kept;
      }, data);
    const ask = async (/** @type {Record<string, string>} */ data) => {
      const asked = page.waitForRequest((request) => request.url().endsWith('/api/widget/sessions') && request.method() === 'POST');
      const kept = await chat({ channel: gateway.channel, host: gateway.url, ...data });
      return { kept, user: (await asked).postDataJSON().user };
    };
    assert.deepEqual(await ask({ userId: 'u1', userHash: 'ab' }), { kept: undefined, user: { id: 'u1', hash: 'ab' } });
    assert.deepEqual((await ask({ userId: 'u1', userHash: 'ab' })).kept, '"a token"');
    assert.deepEqual(await ask({}), { kept: undefined, user: undefined }, 'what was remembered of the user is gone');
  });
});

describe('conversation', () => {
  test('a visitor writes, sees the answer being written, then the answer', async () => {
    const { page, tap } = await visitor();
    await open(page);
    tap.drop = ({ type, message, state }) => message?.direction === 'outbound' || (type === 'turn' && state !== 'started');
    await say(page, 'Hello there');
    await own(page, 'Hello there').getByText('Sent').waitFor({ state: 'attached' });
    await page.locator('.draft').waitFor();
    tap.drop = () => false;
    await tap.cut();
    await answered(page);
    await page.locator('.draft').waitFor({ state: 'detached' });
    const kinds = tap.fromServer.map((frame) => frame.type);
    assert.ok(kinds.indexOf('delta') > kinds.indexOf('turn'), 'the answer was streamed');
    assert.equal(await own(page, 'Hello there').count(), 1);
  });

  test('the history is there after a reload, and the chat is still open', async () => {
    const { page } = await visitor();
    await open(page);
    await say(page, 'Remember me');
    await answered(page);
    const before = await answers(page).allInnerTexts();
    await page.reload();
    await own(page, 'Remember me').waitFor();
    await answered(page);
    assert.deepEqual(await answers(page).allInnerTexts(), before);
  });

  test('what is typed offline waits with a sign and is sent once', async () => {
    const { page, tap, context } = await visitor();
    await open(page);
    tap.isDown = true;
    await context.setOffline(true);
    await tap.cut();
    await say(page, 'First offline');
    await say(page, 'Second offline');
    await own(page, 'Second offline').getByText('Sending').waitFor({ state: 'attached' });
    await page.getByText('No connection.').waitFor();
    tap.isDown = false;
    await context.setOffline(false);
    await own(page, 'Second offline').getByText('Sent', { exact: true }).waitFor({ state: 'attached' });
    await page.reload();
    await own(page, 'Second offline').waitFor();
    assert.equal(await own(page, 'First offline').count(), 1);
    assert.equal(await own(page, 'Second offline').count(), 1);
    assert.match((await page.locator('.item.mine').first().innerText()), /First offline/);
  });

  test('a lost acknowledgement leads to a second send under the same id and to one message', async () => {
    const { page, tap } = await visitor();
    await open(page);
    tap.drop = ({ type, state }) => type === 'message' || (type === 'turn' && state !== 'started');
    await say(page, 'Only once');
    await page.locator('.dots, .draft').first().waitFor();
    tap.drop = () => false;
    await tap.cut();
    await own(page, 'Only once').getByText('Sent', { exact: true }).waitFor({ state: 'attached' });
    const sends = tap.fromPage.filter((frame) => frame.type === 'send');
    assert.equal(new Set(sends.map((frame) => frame.client_id)).size, 1);
    assert.equal(await own(page, 'Only once').count(), 1);
    await page.reload();
    await own(page, 'Only once').waitFor();
    assert.equal(await own(page, 'Only once').count(), 1);
  });

  test('what was typed in a closed tab is sent by the next one', async () => {
    const { page, tap, context } = await visitor();
    await open(page);
    tap.isDown = true;
    await tap.cut();
    await say(page, 'Left behind');
    await own(page, 'Left behind').waitFor();
    await page.close();
    tap.isDown = false;
    const next = await context.newPage();
    await next.goto(host.url);
    await launcher(next).click();
    await own(next, 'Left behind').getByText('Sent', { exact: true }).waitFor({ state: 'attached' });
    assert.equal(await own(next, 'Left behind').count(), 1);
  });

  test('two tabs are one visitor', async () => {
    const { page, context, tap } = await visitor();
    await open(page);
    const second = await context.newPage();
    await second.goto(host.url);
    await open(second);
    await say(page, 'From the first tab');
    await own(second, 'From the first tab').getByText('Sent', { exact: true }).waitFor({ state: 'attached' });
    await answered(second);
    assert.equal(await own(second, 'From the first tab').count(), 1);
    assert.equal(tap.fromPage.filter((frame) => frame.type === 'send').length, 1);
  });

  test('a refused message offers to try again, and goes when deleted', async () => {
    const { page, tap } = await visitor();
    await open(page);
    tap.drop = (frame) => frame.type === 'message';
    await say(page, 'Not today');
    await page.locator('.waiting').waitFor();
    const client_id = await page.evaluate(() => {
      const key = Object.keys(localStorage).find((name) => name.includes(':out:')) ?? '';
      return JSON.parse(localStorage[key]).client_id;
    });
    tap.inject({ type: 'error', code: 'too_many', message: 'Too many messages', client_id });
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    await own(page, 'Not today').waitFor({ state: 'detached' });
  });
});

describe('safety', () => {
  test('nothing that anybody writes becomes markup', async () => {
    const { page, tap } = await visitor();
    await open(page);
    const hostile = '<img src=x onerror=alert(1)> [click](javascript:alert(2)) https://example.com/?a=<b>';
    await say(page, hostile);
    await own(page, '<img src=x onerror=alert(1)>').waitFor();
    const url = 'javascript:alert(3)';
    tap.inject(outbound({ type: 'text', text: hostile }, { sources: [{ title: '<b>source</b>', url }] }));
    tap.inject(outbound({ type: 'link', text: 'pay', label: 'Pay', url }, { attachments: [{ url, filename: '<i>f</i>' }] }));
    tap.inject(outbound({ type: 'buttons', text: '<u>', buttons: [{ id: '1', title: '<script>alert(4)</script>' }] }));
    await page.getByRole('button', { name: '<script>alert(4)</script>' }).waitFor();
    await page.getByText('<i>f</i>').waitFor();
    assert.equal(await page.locator('.log :is(img, script, b, i, u)').count(), 0);
    const links = await page.locator('.log a').evaluateAll((all) =>
      all.map((link) => [link.getAttribute('href'), link.getAttribute('rel')]),
    );
    assert.ok(links.length > 0);
    for (const [href, rel] of links) {
      assert.match(href ?? '', /^https?:/);
      assert.match(rel ?? '', /noopener/);
    }
  });
});

describe('answers', () => {
  test('a tapped button is sent as a choice and stays chosen', async () => {
    const { page, tap } = await visitor();
    await open(page);
    const buttons = [
      { id: 'am', title: 'Morning' },
      { id: 'pm', title: 'Afternoon' },
    ];
    tap.inject(outbound({ type: 'buttons', text: 'When?', buttons }, { id: 'question' }));
    await page.getByRole('button', { name: 'Afternoon' }).click();
    await own(page, 'Afternoon').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Morning' }).isDisabled());
    const { content, reply_to } = tap.fromPage.find((frame) => frame.type === 'send');
    assert.deepEqual(content, { type: 'choice', id: 'pm', title: 'Afternoon' });
    assert.equal(reply_to, 'question');
  });

  test('an unread answer shows on the closed launcher until it is seen', async () => {
    const { page, tap } = await visitor();
    await open(page);
    await page.keyboard.press('Escape');
    tap.inject(outbound({ type: 'text', text: 'Are you still there?' }));
    await page.getByRole('button', { name: 'New messages: 1' }).click();
    await page.getByText('Are you still there?').first().waitFor();
    await page.waitForFunction(() => Object.keys(localStorage).some((name) => name.endsWith(':seen')));
    assert.equal(tap.fromPage.filter((frame) => frame.type === 'seen').at(-1).seq, 1_000_000);
  });
});

describe('contact form', () => {
  const api = (/** @type {string} */ method, /** @type {string} */ path, /** @type {object} */ body) =>
    fetch(gateway.url + path, {
      method,
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
  const set = async (/** @type {string} */ lead_form) => {
    const answer = await api('PATCH', `/api/channels/${gateway.channel}`, { settings: { lead_form } });
    assert.equal(answer.status, 200);
  };
  const field = (/** @type {Page} */ page, /** @type {string} */ name) => page.getByRole('textbox', { name, exact: true });
  afterEach(() => set('off'));

  test('it stands before the first message, names what is wrong, and becomes a lead of the conversation', async () => {
    await set('before');
    const { page } = await visitor();
    await launcher(page).click();
    const form = page.getByRole('form', { name: 'Leave your contact details' });
    await form.waitFor();
    assert.ok(await input(page).isHidden());
    const name = `<b>Jane ${Math.random()}</b>`;
    await field(page, 'Name').fill(name);
    await field(page, 'Email').fill('jane');
    await form.getByRole('button', { name: 'Send' }).click();
    await form.getByRole('alert').getByText('Please check: Email, Message').waitFor();
    assert.equal(await field(page, 'Email').getAttribute('aria-invalid'), 'true');
    assert.equal(await page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.getAttribute('name')), 'contact_email');
    await field(page, 'Email').fill('jane@example.com');
    await field(page, 'Message').fill('When are you open?');
    await form.getByRole('button', { name: 'Send' }).click();
    await own(page, 'When are you open?').waitFor();
    await answered(page);
    assert.ok((await form.isHidden()) && (await input(page).isVisible()));
    const { items } = await (await api('GET', '/api/leads', /** @type {any} */ (undefined))).json();
    assert.deepEqual([items[0].contact_name, items[0].contact_email, items[0].source], [name, 'jane@example.com', 'widget']);
    assert.ok(items[0].contact_id && items[0].conversation_id);
    await page.reload();
    await own(page, 'When are you open?').waitFor();
    assert.ok(await input(page).isVisible(), 'who has written is not asked again');
  });

  test('a button opens and leaves it, by keyboard too, and without it nothing is loaded', async () => {
    const plain = await visitor();
    /** @type {string[]} */
    const loaded = [];
    plain.page.on('request', (request) => loaded.push(request.url()));
    await open(plain.page);
    assert.equal(await plain.page.getByRole('button', { name: 'Leave your contact details' }).count(), 0);
    assert.ok(!loaded.some((url) => url.includes('widget-lead')));
    await set('button');
    const { page } = await visitor();
    await open(page);
    const button = page.getByRole('button', { name: 'Leave your contact details' });
    await button.focus();
    await page.keyboard.press('Enter');
    await field(page, 'Phone').waitFor();
    assert.equal(await button.getAttribute('aria-expanded'), 'true');
    await page.keyboard.type('Jane');
    assert.equal(await field(page, 'Name').inputValue(), 'Jane');
    await button.click();
    assert.ok((await field(page, 'Phone').isHidden()) && (await input(page).isVisible()));
  });
});

describe('access', () => {
  test('the keyboard alone is enough', async () => {
    const { page } = await visitor();
    await launcher(page).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('Online', { exact: true }).waitFor();
    await page.keyboard.type('By keyboard');
    await page.keyboard.press('Enter');
    await own(page, 'By keyboard').waitFor();
    await answered(page);
    await page.getByRole('status').filter({ hasText: ':' }).waitFor({ state: 'attached' });
    await page.keyboard.press('Escape');
    await launcher(page).waitFor();
    assert.match((await page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.className)) ?? '', /launcher/);
  });

  test('on a phone the chat fills the screen', async () => {
    const { page } = await visitor({ viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true });
    await launcher(page).tap();
    const dialog = page.getByRole('dialog');
    // It slides in; where it comes to rest is what counts.
    await dialog.evaluate((element) => Promise.all(element.getAnimations().map((animation) => animation.finished)));
    const box = Object.entries((await dialog.boundingBox()) ?? {}).map(([side, length]) => [side, Math.round(length)]);
    assert.deepEqual(Object.fromEntries(box), { x: 0, y: 0, width: 390, height: 780 });
    assert.equal(await dialog.getAttribute('aria-modal'), 'true');
    assert.ok((await page.screenshot()).length > 0);
    await page.getByRole('button', { name: 'Close chat' }).tap();
    await launcher(page).waitFor();
  });

  test('the hosted page fills the window and takes a first text from its address', async () => {
    const { page } = await visitor();
    await page.goto(`${gateway.url}/chat/${gateway.channel}?text=I%20have%20a%20question`);
    await page.getByText('Online', { exact: true }).waitFor();
    assert.equal(await input(page).inputValue(), 'I have a question');
    await input(page).press('Enter');
    await own(page, 'I have a question').waitFor();
    assert.equal(await launcher(page).count(), 0);
  });
});
