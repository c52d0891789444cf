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
  wamid: string;
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

/** What taps inside a bubble do. */
export type Actions = {
  quote(): void;
  react(): void;
  revoke(): void;
  reply(kind: string, reply: VendorObject): void;
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
  phone_number_id: string;
  display_phone_number: string;
  verified_name: string;
  callback_url?: string | null;
  templates?: Template[];
};

export type Customer = {
  id: string;
  name: string;
  wa_id?: string | null;
  user_id?: string | null;
  username?: string | null;
};

/** A rule of faults; the action is one of many shapes and is only passed on and compared. */
export type Rule = { match?: { kind?: string }; action: string | Record<string, unknown> };

/** The events of `/sim/books/stream` that the phone listens to. */
export type Events = {
  outbound: {
    phone_number_id: string;
    customer?: string | null;
    to?: string | null;
    recipient?: string | null;
    wamid: string;
    type: string;
    body?: VendorObject;
    at_ms: number;
    duplicate?: boolean;
  };
  inbound: { phone_number_id: string; customer: string; wamid: string; message: VendorObject };
  receipt: { wamid: string; status: Status };
  mark_read: { wamid: string; typing?: boolean; at_ms: number };
  delivery: Delivery;
  customer: Customer;
  account: Account;
  clock: { offset_ms: number };
  faults: Rule[];
  cleared: unknown;
};

export type Delivery = {
  phone_number_id: string;
  wamids: string[];
  state: 'acknowledged' | 'pending' | 'given_up' | 'no_callback';
  status?: number | null;
  tries: number;
};

export type State = {
  accounts: Map<string, Account>;
  customers: Map<string, Customer>;
  messages: Map<string, Message>;
  threads: Map<string, Message[]>;
  number: string;
  customer: string;
  quoting: string | null;
  typing: number;
  offset: number;
  /** When the window closes: null if the customer never wrote, undefined while none is chosen. */
  closes: number | null | undefined;
  delivery: Delivery | null;
  unread: Map<string, number>;
};
