// Starts what the browser tests need: a gateway, a stranger's page with a strict policy, and a browser.
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

/** @typedef {{url: string, channel: string, close: () => Promise<void>}} Gateway */

/**
 * @returns {Promise<Gateway>} the gateway at `SWITCHBOARD_URL` with the widget channel `SWITCHBOARD_CHANNEL`,
 *   whose agent answers every message
 */
export async function startGateway() {
  const { SWITCHBOARD_URL: url, SWITCHBOARD_CHANNEL: channel } = process.env;
  if (!url || !channel) throw new Error('set SWITCHBOARD_URL and SWITCHBOARD_CHANNEL to a running gateway');
  return { url, channel, close: async () => {} };
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
  const server = createServer((request, response) => {
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
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
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
  /** @typedef {{fromServer: any[], fromPage: any[]}} Frames */
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
