// Starts what the browser tests need: a gateway, a stranger's page with a strict policy, and a browser.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

/** @typedef {{url: string, channel: string, key: string, close: () => Promise<void>}} Gateway */

const READY = 'SWITCHBOARD READY ';
const PATIENCE_MS = 60_000;

/**
 * @returns {Promise<Gateway>} the binary `SWITCHBOARD_TEST_BINARY` with its demo workspace in a new folder; the agent
 *   of its widget answers every message from a few documents
 */
export async function startGateway() {
  const binary = process.env.SWITCHBOARD_TEST_BINARY;
  if (!binary) throw new Error('SWITCHBOARD_TEST_BINARY does not name the gateway to start');
  const folder = await mkdtemp(join(tmpdir(), 'switchboard-browser-'));
  const child = spawn(binary, ['dev', '--listen', '127.0.0.1:0', '--data-dir', folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const close = async () => {
    if (child.pid && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const last = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(last);
    }
    await rm(folder, { recursive: true, force: true });
  };
  /** @type {string[]} */
  const said = [];
  const keep = (/** @type {string} */ line) => void (said.push(line) > 200 && said.shift());
  createInterface({ input: child.stderr }).on('line', keep);
  let key = '';
  try {
    const ready = await new Promise((resolve, reject) => {
      const fail = (/** @type {string} */ why) => reject(new Error(`${why}\n${said.join('\n')}`));
      const timer = setTimeout(() => fail('the gateway was not ready in time'), PATIENCE_MS);
      child.once('error', (error) => fail(`the gateway did not start: ${error.message}`));
      child.once('exit', (code) => fail(`the gateway ended with ${code} before it was ready`));
      createInterface({ input: child.stdout }).on('line', (line) => {
        keep(line);
        key ||= /\bsb_[\w-]{32,}/.exec(line)?.[0] ?? '';
        if (!line.startsWith(READY)) return;
        clearTimeout(timer);
        resolve(JSON.parse(line.slice(READY.length)));
      });
    });
    return { url: ready.gateway, channel: ready.widget_channel, key, close };
  } catch (problem) {
    await close();
    throw problem;
  }
}

/**
 * Serves a page of another origin with the widget in it. Its policy allows the gateway's script, answers and
 * pictures, and no style and no inline script at all.
 * @param {Gateway} gateway
 * @returns {Promise<{url: string, close: () => Promise<void>}>}
 */
export async function startHostPage({ url, channel }) {
  const policy =
    `default-src 'none'; script-src ${url}; connect-src ${url} ${url.replace('http', 'ws')}; ` +
    `img-src ${url} data:; media-src ${url}`;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy });
    response.end(
      '<!doctype html><html lang="en"><head><title>Shop</title><link rel="icon" href="data:,">' +
        '<meta name="viewport" content="width=device-width, initial-scale=1">' +
        `<script type="module" src="${url}/widget.js" data-channel="${channel}"></script></head>` +
        '<body><h1>Shop</h1><button>Buy</button></body></html>',
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('no port');
  const close = () =>
    new Promise((resolve) => {
      server.close(() => resolve(undefined));
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${address.port}/`, close: async () => void (await close()) };
}

/** Debian's Chromium with an empty profile and without its calls home. */
export const startBrowser = () =>
  chromium.launch({
    executablePath: process.env.SWITCHBOARD_TEST_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });

/**
 * Stands between a context's pages and the gateway's socket. It passes frames on unchanged until a test cuts the
 * line, holds frames back or adds one.
 * @param {import('playwright-core').BrowserContext} context
 */
export async function tapSocket(context) {
  const tap = {
    /** @type {any[]} */ fromServer: [],
    /** @type {any[]} */ fromPage: [],
    /** While true no line can be opened. */
    isDown: false,
    /** Decides whether a frame of the server is kept from the page. @type {(frame: any) => boolean} */
    drop: () => false,
    /** @type {Set<import('playwright-core').WebSocketRoute>} */
    lines: new Set(),
    /** Breaks every open line. */
    async cut() {
      await Promise.all([...tap.lines].map((line) => line.close({ code: 1012 })));
      tap.lines.clear();
    },
    /** @param {object} frame */
    inject(frame) {
      for (const line of tap.lines) line.send(JSON.stringify(frame));
    },
  };
  await context.routeWebSocket(/\/api\/widget\/socket$/, (line) => {
    if (tap.isDown) return void line.close({ code: 1012 });
    const server = line.connectToServer();
    tap.lines.add(line);
    line.onMessage((data) => {
      tap.fromPage.push(JSON.parse(String(data)));
      server.send(data);
    });
    server.onMessage((data) => {
      const frame = JSON.parse(String(data));
      tap.fromServer.push(frame);
      if (!tap.drop(frame)) line.send(data);
    });
  });
  return tap;
}
