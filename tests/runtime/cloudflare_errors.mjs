// What a call that fails is answered with.
export class ApiError extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    Object.assign(this, { status, code, headers });
  }

  get envelope() {
    const errors = [{ code: this.code, message: this.message }];
    return { result: null, success: false, errors, messages: [] };
  }
}

export function malformed(what) {
  return new ApiError(400, 7400, `The request is malformed: ${what}`);
}

export function invalid(property, what) {
  return new ApiError(400, 7400, `Invalid property: ${property} => ${what}`);
}
