// The page that tries the API, in a real browser against a real gateway: it works without the internet.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startBrowser, startGateway } from './support.mjs';

/** @type {import('./support.mjs').Gateway} */
let gateway;
/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  gateway = await startGateway();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await gateway?.close();
});

/** Opens the page; whatever it complains of or asks of others is in `complaints`. */
async function open() {
  /** @type {string[]} */
  const complaints = [];
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== gateway.url) complaints.push(request.url());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
  await page.goto(`${gateway.url}/docs`);
  return { page, complaints };
}

/**
 * Opens an operation and asks it.
 * @param {import('playwright-core').Page} page
 * @param {string} group
 * @param {string} operation
 * @returns {Promise<string>} what is shown of its answer
 */
async function execute(page, group, operation) {
  await page.locator(`#operations-tag-${group}`).click();
  const row = page.locator(`#operations-${group}-${operation}`);
  await row.locator('.opblock-summary-control').click();
  await row.getByRole('button', { name: 'Execute' }).click();
  const answer = row.locator('.live-responses-table');
  await answer.waitFor();
  return answer.innerText();
}

test('an operation is opened, asked and answered, and nobody else is asked anything', async () => {
  const { page, complaints } = await open();
  assert.match(await execute(page, 'operations', 'get_healthz'), /200[\s\S]*"ok"/);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('a key that is entered is sent, and not kept', async () => {
  const { page, complaints } = await open();
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.modal-ux');
  await dialog.getByRole('textbox').first().fill(gateway.key);
  await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
  await dialog.locator('.close-modal').click();
  assert.match(await execute(page, 'agents', 'get_agents'), /200[\s\S]*builtin\/knowledge/);
  assert.deepEqual(complaints, []);
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })), '{}');
  await page.close();
});
