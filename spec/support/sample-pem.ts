import { generateKeyPairSync } from 'node:crypto';

/** A certificate and some key as PEM, with a name before them to tell files apart. */
export function samplePem(name: string): string {
  return `${name}\n${certificate}${key}`;
}

const key = generateKeyPairSync('ed25519')
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

// Of rxfer-sample, signed by itself.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIUBv3V4pOE/Y527/BYNsoF37EOSsQwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcnhmZXItc2FtcGxlMCAXDTI2MTEyNTE0NTA1MFoYDzIxMjYx
MTAxMTQ1MDUwWjAXMRUwEwYDVQQDDAxyeGZlci1zYW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAS9cvEa9ER38DNob3TpjxqWDCIC9ObdkVaEymlbNCufgsIP
zPIaAMC9TsYU48wl6WEozdsu127z4k0XC8x3gXjQo1MwUTAdBgNVHQ4EFgQUJznp
cstHYDm2fPp40ZLc1dX6XXYwHwYDVR0jBBgwFoAUJznpcstHYDm2fPp40ZLc1dX6
XXYwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA9VpZl0R9eeYn
kzKmon5X6+0JAzxyrVYji9xnttM9vWcCICSYaX1387nCaAoiPC5eD6ACIq6QAHUo
JawWpwE9OERC
-----END CERTIFICATE-----
`;
