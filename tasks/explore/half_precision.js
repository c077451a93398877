// The page's shaders keep what they blur in 16-bit floats, which every fifth graphics device cannot, and the page paints
// no points there. Where the device lacks them alone, they become 32-bit floats, in buffers of twice the size; those are
// the only ones that are used for nothing but storage.
{
  const HALF = "shader-f16";
  const gpu = globalThis.GPUAdapter;
  const wrap = (owner, name, made) => (owner.prototype[name] = made(owner.prototype[name]));
  if (gpu) {
    const truly = GPUSupportedFeatures.prototype.has;
    const without = new WeakSet();
    wrap(GPUSupportedFeatures, "has", (has) => function (name) {
      return name === HALF || has.call(this, name);
    });
    wrap(gpu, "requestDevice", (request) => async function (asked = {}) {
      if (truly.call(this.features, HALF)) return request.call(this, asked);
      const requiredFeatures = [...(asked.requiredFeatures ?? [])].filter((name) => name !== HALF);
      const device = await request.call(this, { ...asked, requiredFeatures });
      without.add(device);
      return device;
    });
    wrap(GPUDevice, "createShaderModule", (create) => function (asked) {
      if (!without.has(this)) return create.call(this, asked);
      const code = asked.code.replace(/\benable f16;/g, "").replace(/\bf16\b/g, "f32");
      return create.call(this, { ...asked, code });
    });
    wrap(GPUDevice, "createBuffer", (create) => function (asked) {
      const doubled = without.has(this) && asked.usage === GPUBufferUsage.STORAGE;
      return create.call(this, doubled ? { ...asked, size: asked.size * 2 } : asked);
    });
  }
}
