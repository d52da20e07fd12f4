import { Converter } from 'typedoc';

/** A page of the site is called as its first heading says, not as its file. */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    const [first] = document.content;
    const heading = /^# (.+)$/m.exec(first?.text ?? '')?.[1];
    if (heading !== undefined) document.name = heading;
  });
}
