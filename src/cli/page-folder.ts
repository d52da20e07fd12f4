import { fileURLToPath } from 'node:url';

/** Where the dashboard's page is, as built. */
export const pageFolder = fileURLToPath(new URL('../../dashboard', import.meta.url));
