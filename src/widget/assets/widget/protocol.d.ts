// The shapes on the wire of `docs/widget-protocol.md`. Types only: this file is never served.

export type Media = {
  url?: string;
  mime_type?: string;
  size?: number;
  filename?: string;
  caption?: string;
};

export type Header = { type: 'text'; text: string } | ({ type: 'image' | 'video' | 'document' } & Media);
export type Button = { id: string; title: string };
export type Row = Button & { description?: string };
export type Section = { title?: string; rows: Row[] };

type Around = { header?: Header; footer?: string };

export type Content =
  | { type: 'text'; text: string }
  | { type: 'choice'; id: string; title: string }
  | ({ type: 'buttons'; text: string; buttons: Button[] } & Around)
  | ({ type: 'list'; text: string; button: string; sections: Section[] } & Around)
  | ({ type: 'link'; text: string; label: string; url: string } & Around)
  | ({ type: 'image' | 'video' | 'audio' | 'document' | 'sticker' } & Media)
  | { type: 'location'; latitude: number; longitude: number; name?: string; address?: string; url?: string }
  | { type: 'system'; kind: string; text: string }
  | { type: 'unsupported' };

export type Source = { title: string; url?: string; quote?: string };

export type Message = {
  id: string;
  seq: number;
  direction: 'inbound' | 'outbound';
  author: { kind: string; id?: string; name?: string };
  content: Content;
  body: string;
  attachments?: Media[];
  sources?: Source[];
  reply_to?: string | null;
  status: string;
  created_at: number;
  error?: unknown;
};

export type Session = {
  token: string;
  visitor_id: string;
  expires_at: number;
  agent: { name: string };
  conversation_id: string | null;
  lead_form: LeadForm;
};

/** When visitors are asked how to reach them. */
export type LeadForm = 'off' | 'button' | 'before';

export type ServerFrame =
  | { type: 'welcome'; conversation_id: string | null; agent: { name: string }; last_seq: number; heartbeat_ms: number }
  | { type: 'message'; client_id?: string; message: Message }
  | { type: 'turn'; turn: string; state: 'started' | 'ended' | 'cancelled' | 'failed' }
  | { type: 'delta'; turn: string; text: string }
  | { type: 'status'; id: string; status: string }
  | { type: 'error'; code: string; message: string; client_id?: string }
  | { type: 'resync' }
  | { type: 'pong' };

export type ClientFrame =
  | { type: 'hello'; token: string; since: number }
  | { type: 'send'; client_id: string; content: Content; reply_to?: string }
  | { type: 'seen'; seq: number }
  | { type: 'typing' }
  | { type: 'ping' };

/** A message that the server has not acknowledged yet. */
export type Entry = {
  client_id: string;
  content: Content;
  reply_to?: string;
  /** When it was typed, unix milliseconds. */
  at: number;
  /** The tab that typed it. */
  tab: string;
  /** Why the server refused it; such an entry waits for the visitor. */
  error?: string;
};

/** `idle` was never started; `refused` will not work until the page is loaded again. */
export type LinkState = 'idle' | 'connecting' | 'online' | 'offline' | 'refused';

/** The data attributes of the script tag or of the element. */
/** A user of the site, with the site's signature of their id. */
export type User = { id: string; hash: string | undefined };

export type Options = {
  user: User | undefined;
  host: string;
  channel: string;
  title: string;
  greeting: string;
  lang: string;
  page: boolean;
  open: boolean;
  prefill: string;
};
