// The widget's texts by language. To add a language, add a column with every key of `en`.

const en = {
  greeting: 'Hi! How can we help you?',
  open: 'Open chat',
  close: 'Close chat',
  write: 'Write a message …',
  send: 'Send message',
  messages: 'Messages',
  online: 'Online',
  connecting: 'Connecting …',
  offline: 'No connection. Messages are sent later.',
  refused: 'Not available here.',
  typing: 'is writing …',
  sending: 'Sending',
  sent: 'Sent',
  failed: 'Not sent',
  retry: 'Try again',
  discard: 'Delete',
  newer: 'New messages',
  sources: 'Sources',
  file: 'File',
  today: 'Today',
  yesterday: 'Yesterday',
  newTab: '(new tab)',
  unsupported: 'Cannot be shown here.',
};

/** @typedef {typeof en} Strings */

/** @type {Record<string, Strings>} */
const LANGUAGES = {
  en,
  de: {
    greeting: 'Hallo! Wie können wir helfen?',
    open: 'Chat öffnen',
    close: 'Chat schließen',
    write: 'Nachricht schreiben …',
    send: 'Nachricht senden',
    messages: 'Nachrichten',
    online: 'Online',
    connecting: 'Verbinden …',
    offline: 'Keine Verbindung. Nachrichten werden später gesendet.',
    refused: 'Hier nicht verfügbar.',
    typing: 'schreibt …',
    sending: 'Sendet',
    sent: 'Gesendet',
    failed: 'Nicht gesendet',
    retry: 'Wiederholen',
    discard: 'Löschen',
    newer: 'Neue Nachrichten',
    sources: 'Quellen',
    file: 'Datei',
    today: 'Heute',
    yesterday: 'Gestern',
    newTab: '(neuer Tab)',
    unsupported: 'Kann hier nicht angezeigt werden.',
  },
  es: {
    greeting: '¡Hola! ¿En qué podemos ayudarle?',
    open: 'Abrir chat',
    close: 'Cerrar chat',
    write: 'Escriba un mensaje …',
    send: 'Enviar mensaje',
    messages: 'Mensajes',
    online: 'En línea',
    connecting: 'Conectando …',
    offline: 'Sin conexión. Los mensajes se enviarán más tarde.',
    refused: 'No está disponible aquí.',
    typing: 'está escribiendo …',
    sending: 'Enviando',
    sent: 'Enviado',
    failed: 'No enviado',
    retry: 'Reintentar',
    discard: 'Eliminar',
    newer: 'Mensajes nuevos',
    sources: 'Fuentes',
    file: 'Archivo',
    today: 'Hoy',
    yesterday: 'Ayer',
    newTab: '(otra pestaña)',
    unsupported: 'No se puede mostrar aquí.',
  },
};

/**
 * @param {(string | undefined)[]} wishes language tags, the best first
 * @returns {{lang: string, strings: Strings}} the first that is known, else English
 */
export function strings(wishes) {
  for (const wish of wishes) {
    const lang = wish?.toLowerCase().split(/[-_]/)[0] ?? '';
    if (Object.hasOwn(LANGUAGES, lang)) return { lang, strings: LANGUAGES[lang] ?? en };
  }
  return { lang: 'en', strings: en };
}
