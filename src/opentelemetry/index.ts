/**
 * Spans of what rxfer does, for OpenTelemetry. Needs `@opentelemetry/api`, which rxfer doesn't
 * bring along.
 *
 * @module rxfer/opentelemetry
 */
export * from './open-telemetry.js';
