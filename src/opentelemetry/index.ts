/**
 * Spans of what rxfer does, for OpenTelemetry. Needs `@opentelemetry/api`, which rxfer doesn't
 * bring along.
 *
 * @packageDocumentation
 */
export * from './open-telemetry.js';
