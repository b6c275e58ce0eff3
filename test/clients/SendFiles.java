import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Sends files as a Java program does: HttpClient has no forms of its own, so its users put the parts together
 * themselves. Arguments: the courier's URL, a token, a file, its name, and a boundary. Prints one JSON object with
 * the answer to each request.
 */
class SendFiles {
  static final List<String> answers = new ArrayList<>();
  static String url;
  static String token;

  public static void main(String[] arguments) throws Exception {
    url = arguments[0];
    token = arguments[1];
    Path file = Path.of(arguments[2]);
    String target = "/v1/files?name=" + arguments[3];
    String name = java.net.URLDecoder.decode(arguments[3], StandardCharsets.UTF_8);
    String formType = "multipart/form-data; boundary=" + arguments[4];
    BodyPublisher bytes = BodyPublishers.ofFile(file);
    BodyPublisher streamed = BodyPublishers.ofInputStream(() -> open(file));
    byte[] form = form(arguments[4], name, Files.readAllBytes(file));

    // The default asks each plain-text server to upgrade to HTTP/2.
    HttpClient upgrading = HttpClient.newHttpClient();
    HttpClient http1 = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    for (var client : List.of(upgrading, http1)) {
      String version = client == http1 ? "HTTP/1.1" : "default";
      send(client, version + ": raw", post(target + "&path=raw", token, "text/csv", bytes));
      send(client, version + ": raw, streamed", post(target + "&path=raw", token, "text/csv", streamed));
      send(client, version + ": form", post("/v1/files", token, formType, BodyPublishers.ofByteArray(form)));
      BodyPublisher pieces = BodyPublishers.ofByteArrays(pieces(form));
      send(client, version + ": form, in pieces without a length", post("/v1/files", token, formType, pieces));
      HttpRequest.Builder expecting = post(target + "&path=raw", token, "text/csv", bytes).expectContinue(true);
      send(client, version + ": raw, after 100 Continue", expecting);
      send(client, version + ": refused", post(target, "wrong", "text/csv", bytes));
    }
    System.out.println("{" + String.join(",", answers) + "}");
  }

  static HttpRequest.Builder post(String target, String as, String type, BodyPublisher body) {
    return HttpRequest.newBuilder(URI.create(url + target))
        .timeout(Duration.ofSeconds(60))
        .header("Authorization", "Bearer " + as)
        .header("Content-Type", type)
        .POST(body);
  }

  static void send(HttpClient client, String test, HttpRequest.Builder request) throws Exception {
    HttpResponse<String> response = client.send(request.build(), BodyHandlers.ofString());
    answers.add("\"" + test + "\":{\"status\":" + response.statusCode() + ",\"body\":" + response.body() + "}");
  }

  static java.io.InputStream open(Path file) {
    try {
      return Files.newInputStream(file);
    } catch (IOException exception) {
      throw new java.io.UncheckedIOException(exception);
    }
  }

  static byte[] form(String boundary, String fileName, byte[] bytes) throws IOException {
    ByteArrayOutputStream form = new ByteArrayOutputStream();
    String field = "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n";
    form.write(utf8(String.format(field, boundary, "path", "form/ü")));
    form.write(utf8(String.format(field, boundary, "description", "Größe: 3 µm")));
    String head = "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: text/csv\r\n\r\n";
    form.write(utf8(String.format(head, boundary, fileName)));
    form.write(bytes);
    form.write(utf8("\r\n--" + boundary + "--\r\n"));
    return form.toByteArray();
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static List<byte[]> pieces(byte[] bytes) {
    List<byte[]> pieces = new ArrayList<>();
    for (int at = 0; at < bytes.length; at += 10_007) {
      pieces.add(java.util.Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + 10_007)));
    }
    return pieces;
  }
}
