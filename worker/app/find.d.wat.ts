/** The compiled module. */
declare const wasm: Uint8Array<ArrayBuffer>;
export default wasm;
