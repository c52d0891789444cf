// The shapes that the phone gets from the control API and keeps. Types only: this file is never served.

/**
 * A message object of the vendor, or a part of one. It stays open on purpose: what the gateway sends is shown
 * as it came, whatever its fields, and every read of it allows for a field that is missing.
 */
export type VendorObject = Record<string, any>;

export type Status = 'accepted' | 'sent' | 'delivered' | 'read' | 'failed';

/** A message as the phone keeps it. */
export type Message = {
  /** As the gateway sees it: `in` is what the customer wrote. */
  direction: 'in' | 'out';
  channel: Channel;
  /** The vendor's id of it. */
  id: string;
  /** The words, where the vendor's object does not hold them as they are read. */
  text?: string;
  kind: string;
  content: VendorObject;
  at: number;
  status: Status;
  quotes?: string;
  reactions: { customer?: string; business?: string };
  duplicate?: boolean;
  edited?: string;
  revoked?: boolean;
  /** The gateway marked it as read. */
  seen?: boolean;
  /** The gateway took its webhook. */
  acknowledged?: boolean;
};

export type Channel = 'whatsapp' | 'messenger' | 'instagram' | 'twilio' | 'email';

/** A way to one account: its channel, and with Twilio whether it is SMS or WhatsApp. */
export type Line = { channel: Channel; account: string; via?: string; key: string; name: string; label: string };

/** Something to tap: an address to open, or what is written by the tap. */
export type Choice = { label: string; href?: string; write?: VendorObject };

/** A file or another thing that stands beside the words. */
export type Piece = { kind: string; src?: string; name?: string };

/** What a message says, whatever its channel. */
export type Shown = {
  head?: string;
  note?: string;
  text: string;
  pieces: Piece[];
  cards: { title: string; text?: string; src?: string; choices: Choice[] }[];
  choices: Choice[];
};

/** What taps inside a bubble do. */
export type Actions = {
  quote(): void;
  react(): void;
  revoke(): void;
  reply(kind: string, reply: VendorObject): void;
  choose(write: VendorObject): void;
  button(button: { payload: string; text: string }): void;
  location(): void;
  list(object: VendorObject): void;
  template(send: VendorObject | undefined): Template | undefined;
};

export type Template = { name: string; language: string; components?: TemplatePart[] };

export type TemplatePart =
  | { type: 'HEADER' | 'BODY' | 'FOOTER'; format?: string; text?: string }
  | { type: 'BUTTONS'; buttons: TemplateButton[] };

export type TemplateButton =
  | { type: 'URL'; text: string; url: string }
  | { type: 'QUICK_REPLY' | 'PHONE_NUMBER' | 'COPY_CODE'; text: string };

export type Account = {
  channel: Channel;
  id: string;
  display_phone_number?: string;
  verified_name?: string;
  name?: string;
  senders?: string[];
  verify_token?: string;
  callback_url?: string | null;
  templates?: Template[];
};

export type Customer = {
  id: string;
  name: string;
  wa_id?: string | null;
  user_id?: string | null;
  username?: string | null;
  psid?: string | null;
  igsid?: string | null;
  email?: string | null;
};

/** A rule of faults; the action is one of many shapes and is only passed on and compared. */
export type Rule = { match?: { vendor?: string; kind?: string }; action: string | Record<string, unknown> };

/** The events of `/sim/books/stream` that the phone listens to. */
export type Events = {
  outbound: {
    channel: Channel;
    account: string;
    customer?: string | null;
    to?: string | null;
    recipient?: string | null;
    id: string;
    type: string;
    text?: string;
    body?: VendorObject;
    at_ms: number;
    duplicate?: boolean;
  };
  inbound: { channel: Channel; account: string; customer: string; id: string; message: VendorObject; at_ms: number };
  receipt: { id: string; status: Status };
  mark_read: { id: string; typing?: boolean; at_ms: number };
  sender_action: { account: string; customer?: string | null; action: string; payload?: VendorObject; at_ms: number };
  delivery: Delivery;
  customer: Customer;
  account: Account;
  clock: { offset_ms: number };
  faults: Rule[];
  cleared: unknown;
};

export type Delivery = {
  account: string;
  ids: string[];
  state: 'acknowledged' | 'pending' | 'given_up' | 'no_callback';
  status?: number | null;
  tries: number;
};

export type State = {
  accounts: Map<string, Account>;
  customers: Map<string, Customer>;
  messages: Map<string, Message>;
  threads: Map<string, Message[]>;
  /** The ways to all accounts, by their key. */
  lines: Map<string, Line>;
  line: string;
  customer: string;
  quoting: string | null;
  typing: number;
  offset: number;
  /** When the window closes: null if the customer never wrote, undefined while none is chosen. */
  closes: number | null | undefined;
  delivery: Delivery | null;
  unread: Map<string, number>;
};

/** A mail as the mailbox keeps it; `ours` was written by a person on this page or through the control API. */
export type Mail = {
  id: string;
  account: string;
  customer: string;
  ours: boolean;
  from: string;
  to: string;
  subject: string;
  text: string;
  references: string[];
  at: number;
  files: { id: string; filename?: string | null }[];
  raw?: string;
};
