// Separates a WAV file with an exported .tflite file, buffer by buffer, through LiteRT's C API:
//
//     separate model.tflite song.wav [folder]
//
// The file's metadata says how: docs/deployment.md. Memory does not grow with the song.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "litert/c/litert_common.h"
#include "litert/c/litert_compiled_model.h"
#include "litert/c/litert_environment.h"
#include "litert/c/litert_model.h"
#include "litert/c/litert_options.h"
#include "litert/c/litert_tensor_buffer.h"

using Samples = std::vector<float>;  // frames of interleaved channels

void check(LiteRtStatus status, const std::string& what) {
  if (status != kLiteRtStatusOk) {
    throw std::runtime_error(what + " (LiteRT's status " + std::to_string(status) + ")");
  }
}

// The metadata is JSON, indented; what is needed here are numbers and words. Of a key that occurs
// several times the least indented counts: the file's own before its front end's.
std::string value_of(const std::string& json, const std::string& key) {
  const std::string quoted = '"' + key + '"';
  size_t found = std::string::npos, least = std::string::npos;
  for (size_t at = json.find(quoted); at != std::string::npos; at = json.find(quoted, at + 1)) {
    const size_t indent = at - json.rfind('\n', at);
    if (indent < least) found = at, least = indent;
  }
  if (found == std::string::npos) throw std::runtime_error("the metadata has no " + key);
  const size_t at = json.find_first_not_of(": \n\"", found + quoted.size());
  return json.substr(at, json.find_first_of(",}\"\n", at) - at);
}

int number_of(const std::string& json, const std::string& key) {
  const std::string value = value_of(json, key);
  if (value == "null") {
    throw std::runtime_error("the file has no fixed " + key + ": export it with --seconds");
  }
  return std::stoi(value);
}

// A WAV file of 16-bit integers or 32-bit floats.
class Song {
 public:
  // `memory`: how many frames are remembered, which the end is mirrored from.
  Song(const std::string& path, size_t memory, bool mirror)
      : file_(path, std::ios::binary), memory_(memory), mirror_(mirror) {
    char head[12], chunk[8];
    if (!file_.read(head, 12) || std::memcmp(head, "RIFF", 4) || std::memcmp(head + 8, "WAVE", 4)) {
      throw std::runtime_error(path + " is not a WAV file");
    }
    while (file_.read(chunk, 8)) {
      uint32_t size;
      std::memcpy(&size, chunk + 4, 4);
      if (!std::memcmp(chunk, "data", 4)) {
        if (!channels) break;
        frames = size / (channels * bytes_);
        return;
      }
      std::vector<char> body(size + size % 2);
      if (!file_.read(body.data(), body.size()) || std::memcmp(chunk, "fmt ", 4)) continue;
      uint16_t format, bits;
      std::memcpy(&format, &body[0], 2);
      std::memcpy(&channels, &body[2], 2);
      std::memcpy(&rate, &body[4], 4);
      std::memcpy(&bits, &body[14], 2);
      bytes_ = bits / 8;
      if (!(format == 1 && bits == 16) && !(format == 3 && bits == 32)) break;
    }
    throw std::runtime_error(path + " holds no 16-bit or float samples");
  }

  // The next frames; after the song's end what the network is to take for its continuation.
  Samples read(size_t count) {
    Samples samples(count * channels);
    const size_t rest = std::min(count, frames - read_) * channels;
    std::vector<char> raw(rest * bytes_);
    if (!file_.read(raw.data(), raw.size())) throw std::runtime_error("the song is truncated");
    for (size_t i = 0; i < rest; ++i) {
      int16_t integer;
      if (bytes_ == 4) std::memcpy(&samples[i], &raw[4 * i], 4);
      else samples[i] = (std::memcpy(&integer, &raw[2 * i], 2), integer / 32768.0f);
    }
    read_ += rest / channels;
    recent_.insert(recent_.end(), samples.begin(), samples.begin() + rest);
    if (recent_.size() > memory_ * channels) {
      recent_.erase(recent_.begin(), recent_.end() - memory_ * channels);
    }
    const size_t length = recent_.size() / channels;
    for (size_t i = rest; mirror_ && length && i < samples.size(); ++i) {
      size_t frame = (length + beyond_ + (i - rest) / channels) % (2 * length);
      frame = std::min(frame, 2 * length - 1 - frame);
      samples[i] = recent_[frame * channels + i % channels];
    }
    beyond_ += count - rest / channels;
    return samples;
  }

  uint16_t channels = 0;
  uint32_t rate = 0;
  size_t frames = 0;

 private:
  std::ifstream file_;
  size_t memory_, bytes_ = 0, read_ = 0, beyond_ = 0;
  bool mirror_;
  Samples recent_;
};

// A WAV file of 32-bit floats, so that the stems still add up to the song.
class Stem {
 public:
  Stem(const std::string& path, const Song& song) : file_(path, std::ios::binary) {
    const uint32_t frame = 4 * song.channels, bytes = song.frames * frame;
    const uint32_t riff[] = {36 + bytes}, format[] = {16, 3u | song.channels << 16, song.rate,
                                                      song.rate * frame, frame | 32u << 16};
    put("RIFF", riff, 4), put("WAVEfmt ", format, 20), put("data", &bytes, 4);
    if (!file_) throw std::runtime_error(path + " cannot be written");
  }

  void put(const char* name, const void* bytes, size_t size) {
    file_.write(name, std::strlen(name)).write(static_cast<const char*>(bytes), size);
  }

 private:
  std::ofstream file_;
};

// One input or output of the signature.
struct Port {
  LiteRtTensorBuffer buffer = nullptr;
  size_t size = 1;  // values

  void put(const float* values, size_t count, size_t first = 0) {
    void* memory;
    check(LiteRtLockTensorBuffer(buffer, &memory, kLiteRtTensorBufferLockModeWrite), "an input");
    std::copy_n(values, count, static_cast<float*>(memory) + first);
    check(LiteRtUnlockTensorBuffer(buffer), "an input");
  }

  Samples get() {
    void* memory;
    check(LiteRtLockTensorBuffer(buffer, &memory, kLiteRtTensorBufferLockModeRead), "an output");
    Samples values(static_cast<float*>(memory), static_cast<float*>(memory) + size);
    check(LiteRtUnlockTensorBuffer(buffer), "an output");
    return values;
  }
};

// A .tflite file's signature `stream`, compiled for the processor.
class Stream {
 public:
  explicit Stream(const std::string& path) {
    check(LiteRtCreateEnvironment(0, nullptr, &environment_), "LiteRT does not start");
    check(LiteRtCreateModelFromFile(environment_, path.c_str(), &model_), path + " cannot be read");
    const void* text;
    size_t size;
    check(LiteRtGetModelMetadata(model_, "stemzoo", &text, &size), path + " has no metadata");
    metadata.assign(static_cast<const char*>(text), size);
    number_of(metadata, "buffer_samples");  // fails where buffers may be of any length

    LiteRtSignature signature = nullptr;
    const char* key = "";
    for (index_ = 0; std::strcmp(key, "stream"); ++index_) {
      check(LiteRtGetModelSignature(model_, index_, &signature), path + " has no signature stream");
      check(LiteRtGetSignatureKey(signature, &key), "a signature's name");
    }
    --index_;

    LiteRtOptions options;
    check(LiteRtCreateOptions(&options), "options");
    check(LiteRtSetOptionsHardwareAccelerators(options, kLiteRtHwAcceleratorCpu), "options");
    check(LiteRtCreateCompiledModel(environment_, model_, options, &compiled_), "compilation");
    LiteRtDestroyOptions(options);

    LiteRtParamIndex count;
    const char* name;
    LiteRtTensor tensor;
    LiteRtTensorBufferRequirements requirements;
    check(LiteRtGetNumSignatureInputs(signature, &count), "inputs");
    for (LiteRtParamIndex i = 0; i < count; ++i) {
      check(LiteRtGetSignatureInputName(signature, i, &name), "an input's name");
      check(LiteRtGetSignatureInputTensorByIndex(signature, i, &tensor), name);
      check(LiteRtGetCompiledModelInputBufferRequirements(compiled_, index_, i, &requirements),
            name);
      input_names_.push_back(name);
      inputs[name] = port(tensor, requirements);
    }
    check(LiteRtGetNumSignatureOutputs(signature, &count), "outputs");
    for (LiteRtParamIndex i = 0; i < count; ++i) {
      check(LiteRtGetSignatureOutputName(signature, i, &name), "an output's name");
      check(LiteRtGetSignatureOutputTensorByIndex(signature, i, &tensor), name);
      check(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, index_, i, &requirements),
            name);
      output_names_.push_back(name);
      outputs[name] = port(tensor, requirements);
    }
  }

  ~Stream() {
    for (auto* ports : {&inputs, &outputs}) {
      for (auto& [name, port] : *ports) LiteRtDestroyTensorBuffer(port.buffer);
    }
    if (compiled_) LiteRtDestroyCompiledModel(compiled_);
    if (model_) LiteRtDestroyModel(model_);
    if (environment_) LiteRtDestroyEnvironment(environment_);
  }

  // Runs once, and makes the next state the current one by exchanging buffers.
  void run() {
    std::vector<LiteRtTensorBuffer> in, out;
    for (const auto& name : input_names_) in.push_back(inputs[name].buffer);
    for (const auto& name : output_names_) out.push_back(outputs[name].buffer);
    check(LiteRtRunCompiledModel(compiled_, index_, in.size(), in.data(), out.size(), out.data()),
          "the model failed");
    for (auto& [name, port] : inputs) {
      const auto next = outputs.find("next_" + name);
      if (next != outputs.end()) std::swap(port, next->second);
    }
  }

  std::string metadata;
  std::map<std::string, Port> inputs, outputs;

 private:
  Port port(LiteRtTensor tensor, LiteRtTensorBufferRequirements requirements) {
    LiteRtRankedTensorType type;
    check(LiteRtGetRankedTensorType(tensor, &type), "a tensor's shape");
    Port port;
    for (unsigned i = 0; i < type.layout.rank; ++i) port.size *= type.layout.dimensions[i];
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, requirements,
                                                          &port.buffer), "memory");
    port.put(Samples(port.size).data(), port.size);
    return port;
  }

  LiteRtEnvironment environment_ = nullptr;
  LiteRtModel model_ = nullptr;
  LiteRtCompiledModel compiled_ = nullptr;
  LiteRtParamIndex index_ = 0;
  std::vector<std::string> input_names_, output_names_;
};

void separate(const std::string& model, const std::string& path, const std::string& folder) {
  Stream stream(model);
  const std::string& facts = stream.metadata;
  const size_t buffer = number_of(facts, "buffer_samples");
  const size_t prime = number_of(facts, "prime_samples"), pad = number_of(facts, "pad_samples");
  size_t skip = number_of(facts, "skip_samples");
  Song song(path, number_of(facts, "context_samples") + buffer, value_of(facts, "end") == "mirror");
  const int rate = number_of(facts, "sample_rate"), channels = number_of(facts, "channels");
  if (int(song.rate) != rate || song.channels != channels) {
    throw std::runtime_error("the model takes " + std::to_string(rate) + " Hz and " +
                             std::to_string(channels) + " channels: convert the song first");
  }
  std::map<std::string, Stem> stems;
  for (const auto& [name, port] : stream.outputs) {
    if (name.rfind("next_", 0)) stems.try_emplace(name, folder + "/" + name + ".wav", song);
  }
  stream.inputs["context"].put(song.read(prime).data(), prime * channels, pad * channels);
  for (size_t done = 0; done < song.frames;) {
    stream.inputs["waveform"].put(song.read(buffer).data(), buffer * channels);
    stream.run();
    const size_t start = std::min(skip, buffer);
    const size_t count = std::min(buffer - start, song.frames - done);
    for (auto& [name, stem] : stems) {
      const Samples samples = stream.outputs[name].get();
      stem.put("", &samples[start * channels], 4 * count * channels);
    }
    skip -= start;
    done += count;
  }
}

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "separate model.tflite song.wav [folder]\n";
    return 2;
  }
  try {
    separate(argv[1], argv[2], argc > 3 ? argv[3] : ".");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
